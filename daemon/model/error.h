// SPDX-License-Identifier: LGPL-2.1-or-later
// The one exception of the daemon. libvirt/error.cpp makes them from libvirt's errors, bus/error.cpp turns them into
// D-Bus errors; nothing else knows either side's names.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

namespace virtbus {

enum class Code {
    invalid_args,
    access_denied,
    interaction_required,  ///< a password would do, and the caller did not say that it may be asked for
    limits_exceeded,       ///< the caller has too much of something already
    no_such_machine,
    no_such_hypervisor,
    no_such_pool,
    no_such_image,
    no_such_network,
    ambiguous,
    already_exists,
    invalid_state,
    invalid_xml,
    not_supported,
    machine_busy,
    in_use,
    no_space,
    unsafe_image,
    unsupported_guest,     ///< what is in its disks cannot be changed, or not so that it would last
    duplicate_machine_id,  ///< another machine has it
    busy,
    agent_unresponsive,
    cancelled,
    disconnected,
    stale_generation,
    timeout,
    failed,
    internal,
};

/// `what()` is for people: it names the thing, and where there is one, the way out.
class Error : public std::runtime_error {
public:
    Error(Code code, const std::string& message) : std::runtime_error(message), code_(code) {}

    [[nodiscard]] Code code() const { return code_; }

private:
    Code code_;
};

/// Throws Error invalid_args: what a caller said for `key` cannot be.
[[noreturn]] void refuse_value(std::string_view key, std::string_view why);

}  // namespace virtbus
