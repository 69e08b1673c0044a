// SPDX-License-Identifier: LGPL-2.1-or-later
#include "bus/machine_options.h"

#include "model/hostname.h"

#include <fmt/format.h>

namespace virtbus::bus {

namespace {

constexpr std::uint64_t shutdown_timeout_min = 1'000'000;
constexpr std::uint64_t shutdown_timeout_max = 3'600'000'000;

}  // namespace

GuestMode take_mode(Options& options) {
    const auto mode = options.take<std::string>("mode").value_or("auto");
    if (mode == "auto") return GuestMode::automatic;
    if (mode == "acpi") return GuestMode::acpi;
    if (mode == "agent") return GuestMode::agent;
    throw Error(Code::invalid_args, "mode: must be auto, acpi or agent");
}

ShutdownPlan take_shutdown_plan(Options& options) {
    ShutdownPlan plan;
    plan.mode = take_mode(options);
    if (const auto timeout = options.take<std::uint64_t>("timeout_usec")) {
        if (*timeout < shutdown_timeout_min || *timeout > shutdown_timeout_max)
            throw Error(Code::invalid_args, "timeout_usec: must be between 1 s (1000000) and 1 h (3600000000)");
        plan.timeout = std::chrono::microseconds(*timeout);
    }
    const auto on_timeout = options.take<std::string>("on_timeout").value_or("fail");
    if (on_timeout == "fail")
        plan.on_timeout = OnTimeout::fail;
    else if (on_timeout == "poweroff")
        plan.on_timeout = OnTimeout::power_off;
    else if (on_timeout == "leave")
        plan.on_timeout = OnTimeout::leave;
    else
        throw Error(Code::invalid_args, "on_timeout: must be fail, poweroff or leave");
    options.refuse_unknown();
    return plan;
}

ClonePlan take_clone_plan(Options& options, const std::string& name) {
    using IdentityOf = ClonePlan::IdentityOf;
    ClonePlan plan;
    plan.name = name;
    options.take_into("linked", plan.linked);
    plan.pool = options.take<std::string>("pool");
    plan.hostname = options.take<std::string>("hostname");
    const auto word = options.take<std::string>("machine-id").value_or("regenerate");
    options.refuse_unknown();
    if (word == "seal") {
        plan.identity = IdentityOf::none;
    } else if (word == "keep") {
        plan.identity = IdentityOf::the_source;
    } else if (word != "regenerate") {
        plan.identity = IdentityOf::a_given_one;
        plan.id = MachineId::parse(word);
        if (!plan.id)
            throw Error(Code::invalid_args, "machine-id: must be regenerate, seal, keep, or 32 hexadecimal digits");
    }
    if (plan.hostname) check_hostname(*plan.hostname);
    if (plan.hostname && plan.identity == IdentityOf::the_source)
        throw Error(Code::invalid_args, "hostname: nothing is changed inside of a copy that keeps its machine-id");
    return plan;
}

std::optional<AddressSource> take_address_source(Options& options) {
    const auto wanted = options.take<std::string>("source");
    if (!wanted) return std::nullopt;
    for (const auto source : {AddressSource::lease, AddressSource::arp, AddressSource::agent})
        if (*wanted == to_string(source)) return source;
    throw Error(Code::invalid_args, "source: must be lease, arp or agent");
}

}  // namespace virtbus::bus
