// SPDX-License-Identifier: LGPL-2.1-or-later
#include "bus/error.h"

#include "base/log.h"
#include "base/utf8.h"

#include <fmt/format.h>

#include <string>

namespace virtbus::bus {

std::string_view error_name(Code code) {
    switch (code) {
        case Code::invalid_args: return "org.freedesktop.DBus.Error.InvalidArgs";
        case Code::access_denied: return "org.freedesktop.DBus.Error.AccessDenied";
        case Code::interaction_required: return "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired";
        case Code::limits_exceeded: return "org.freedesktop.DBus.Error.LimitsExceeded";
        case Code::no_such_machine: return "org.virtbus1.Error.NoSuchMachine";
        case Code::no_such_hypervisor: return "org.virtbus1.Error.NoSuchHypervisor";
        case Code::no_such_pool: return "org.virtbus1.Error.NoSuchPool";
        case Code::no_such_image: return "org.virtbus1.Error.NoSuchImage";
        case Code::no_such_network: return "org.virtbus1.Error.NoSuchNetwork";
        case Code::ambiguous: return "org.virtbus1.Error.Ambiguous";
        case Code::already_exists: return "org.virtbus1.Error.AlreadyExists";
        case Code::invalid_state: return "org.virtbus1.Error.InvalidState";
        case Code::invalid_xml: return "org.virtbus1.Error.InvalidXml";
        case Code::not_supported: return "org.virtbus1.Error.NotSupported";
        case Code::machine_busy: return "org.virtbus1.Error.MachineBusy";
        case Code::in_use: return "org.virtbus1.Error.InUse";
        case Code::no_space: return "org.virtbus1.Error.NoSpace";
        case Code::unsafe_image: return "org.virtbus1.Error.UnsafeImage";
        case Code::unsupported_guest: return "org.virtbus1.Error.UnsupportedGuest";
        case Code::duplicate_machine_id: return "org.virtbus1.Error.DuplicateMachineId";
        case Code::busy: return "org.virtbus1.Error.Busy";
        case Code::agent_unresponsive: return "org.virtbus1.Error.AgentUnresponsive";
        case Code::cancelled: return "org.virtbus1.Error.Cancelled";
        case Code::disconnected: return "org.virtbus1.Error.Disconnected";
        case Code::stale_generation: return "org.virtbus1.Error.StaleGeneration";
        case Code::timeout: return "org.virtbus1.Error.Timeout";
        case Code::failed: return "org.virtbus1.Error.Failed";
        case Code::internal: return "org.virtbus1.Error.Internal";
    }
    return "org.virtbus1.Error.Internal";
}

sdbus::Error to_bus_error(const std::exception_ptr& failure) {
    const auto make = [](Code code, std::string_view text) {
        return sdbus::Error(std::string(error_name(code)), to_utf8(text));
    };
    try {
        std::rethrow_exception(failure);
    } catch (const Error& error) {
        return make(error.code(), error.what());
    } catch (const std::exception& error) {
        log::error(fmt::format("defect: a call failed with {}", error.what()));
        return make(Code::internal, error.what());
    } catch (...) {
        log::error("defect: a call failed with something that is no exception");
        return make(Code::internal, "a defect of virtbus");
    }
}

}  // namespace virtbus::bus
