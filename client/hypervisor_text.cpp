// SPDX-License-Identifier: LGPL-2.1-or-later
#include "hypervisor_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "output.h"
#include "text.h"

namespace virtbusctl {

namespace {

std::string events_text(const Json& hypervisor) {
    const std::chrono::microseconds interval(number_at(hypervisor, "PollIntervalUSec"));
    if (interval.count() == 0) return "";
    return fmt::format("none: looked at every {} s",
                       std::chrono::duration_cast<std::chrono::seconds>(interval).count());
}

std::string memory_text(const Json& hypervisor) {
    const auto bytes = number_at(hypervisor, "Memory");
    return bytes == 0 ? "" : size_cell(bytes).text;
}

bool can(const Json& hypervisor, const char* feature) {
    const auto features = array_at(hypervisor, "Features");
    return std::find(features.begin(), features.end(), feature) != features.end();
}

/// Its transport, host and path.
std::string_view without_driver(std::string_view uri) {
    return uri.substr(std::min(uri.find_first_of("+:"), uri.size()));
}

std::string list_text(const Json& hypervisor, const char* key) { return value_text(key, array_at(hypervisor, key)); }

}  // namespace

std::string connection_text(const Json& hypervisor) {
    const auto error = text_at(hypervisor, "ConnectionError");
    const auto state = shown(hypervisor, "ConnectionState");
    return error.empty() ? state : fmt::format("{}: {}", state, printable_lines(error));
}

std::string hypervisor_text(const Json& hypervisor) {
    Block block;
    block.add("Name", shown(hypervisor, "Name"));
    block.add("URI", shown(hypervisor, "Uri"));
    block.add("From", flag_at(hypervisor, "Configured") ? "the configuration" : "added by a call");
    block.add("State", connection_text(hypervisor));
    block.add("Driver", shown(hypervisor, "Driver"));
    block.add("Type", shown(hypervisor, "Type"));
    block.add("Version", shown(hypervisor, "Version"));
    block.add("libvirt", shown(hypervisor, "LibvirtVersion"));
    block.add("Host", shown(hypervisor, "Hostname"));
    block.add("Architecture", shown(hypervisor, "Arch"));
    block.add("CPU", shown(hypervisor, "Cpu"));
    block.add("CPUs", number_at(hypervisor, "Cpus") == 0 ? "" : fmt::to_string(number_at(hypervisor, "Cpus")));
    block.add("Memory", memory_text(hypervisor));
    block.add("Hardware", shown(hypervisor, "HardwareVirtualization"));
    block.add("Acceleration", list_text(hypervisor, "Accelerations"));
    block.add("Guests", list_text(hypervisor, "GuestTypes"));
    block.add("Can", list_text(hypervisor, "Features"));
    block.add("Events", events_text(hypervisor));
    return block.text();
}

bool serves_pools(const Json& hypervisor) { return can(hypervisor, "pools"); }

bool has_containers(const Json& hypervisor) {
    const auto types = array_at(hypervisor, "GuestTypes");
    return std::find(types.begin(), types.end(), "container") != types.end();
}

bool has_virtual_machines(const Json& hypervisor) {
    const auto types = array_at(hypervisor, "GuestTypes");
    return std::any_of(types.begin(), types.end(), [](const Json& type) { return type != "container"; });
}

bool is_home_of_networks(const Json& hypervisor) {
    return can(hypervisor, "networks") && has_virtual_machines(hypervisor);
}

bool same_libvirt(std::string_view uri, std::string_view other) {
    return !uri.empty() && without_driver(uri) == without_driver(other);
}

}  // namespace virtbusctl
