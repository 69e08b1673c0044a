// SPDX-License-Identifier: LGPL-2.1-or-later
#include "machine_text.h"

#include <fmt/format.h>
#include <pwd.h>

#include <cstdint>
#include <limits>

#include "network_text.h"
#include "object_name.h"
#include "output.h"
#include "text.h"
#include "units.h"

namespace virtbusctl {

namespace {

std::string yes_no(bool flag) { return flag ? "yes" : "no"; }

std::string state_text(const Json& machine) {
    std::string text = shown(machine, "State");
    const auto reason = shown(machine, "StateReason");
    if (!reason.empty() && reason != "unknown") text += fmt::format(" ({})", reason);
    if (const auto since = number_at(machine, "StateSinceUSec"); since != 0) text += " since " + time_text(since);
    if (flag_at(machine, "Saved")) text += ", memory saved";
    return text;
}

/// "2 of 4"; just "2" when that is all it can have.
std::string of_maximum(const std::string& now, const std::string& maximum) {
    return now == maximum ? now : now + " of " + maximum;
}

std::string owner_text(const Json& machine) {
    const auto owner = number_at(machine, "Owner");
    if (owner == std::numeric_limits<std::uint32_t>::max()) return "";
    const passwd* const user = ::getpwuid(static_cast<uid_t>(owner));
    return user == nullptr ? fmt::format("uid {}", owner) : printable(user->pw_name);
}

std::string lines_of(const Json& list, std::string (*line)(const Json&)) {
    std::string result;
    for (const auto& element : list) result += (result.empty() ? "" : "\n") + line(element);
    return result;
}

std::string evidence_text(const Json& fact) { return value_text("", fact); }

std::string disk_source(const Json& disk) {
    for (const char* key : {"file", "block", "dir"})
        if (disk.contains(key)) return shown(disk, key);
    if (disk.contains("volume")) return fmt::format("{} in pool {}", shown(disk, "volume"), shown(disk, "pool"));
    if (disk.contains("protocol")) return fmt::format("{}:{}", shown(disk, "protocol"), shown(disk, "name"));
    return "empty";
}

std::string disk_text(const Json& disk) {
    std::string text = fmt::format("{} {} on {}: {}", shown(disk, "target"), shown(disk, "device"), shown(disk, "bus"),
                                   disk_source(disk));
    if (const auto format = shown(disk, "format"); !format.empty()) text += ", " + format;
    if (flag_at(disk, "readonly")) text += ", read-only";
    if (flag_at(disk, "shareable")) text += ", shareable";
    return text;
}

std::string interface_text(const Json& interface) {
    std::string text = shown(interface, "type");
    for (const char* key : {"network", "bridge"})
        if (const auto name = shown(interface, key); !name.empty() && interface.value("type", "") == key)
            text += " " + name;
    for (const char* key : {"model", "mac"})
        if (const auto value = shown(interface, key); !value.empty()) text += ", " + value;
    if (const auto target = shown(interface, "target"); !target.empty()) text += ", here " + target;
    return text;
}

std::string graphics_text(const Json& graphics) {
    std::string text = fmt::format("{} on {}", shown(graphics, "type"), shown(graphics, "listen"));
    if (graphics.contains("address"))
        text += fmt::format(" {}:{}", shown(graphics, "address"), number_at(graphics, "port"));
    return text;
}

void add_devices(Block& block, const Json& machine) {
    block.add("Disks", lines_of(array_at(machine, "Disks"), disk_text));
    block.add("Interfaces", lines_of(array_at(machine, "Interfaces"), interface_text));
    block.add("Addresses", lines_of(array_at(machine, "Addresses"), address_text));
    block.add("Graphics", lines_of(array_at(machine, "Graphics"), graphics_text));
    block.add("Guest agent", shown(machine, "Agent"));
}

void add_container(Block& block, const Json& machine) {
    if (!machine.contains("SharesHostKernel")) return;
    block.add("Kernel", "shared with the host");
    block.add("Root", shown(machine, "Root"));
    block.add("Init", value_text("Init", array_at(machine, "Init")));
}

void add_hardware(Block& block, const Json& machine) {
    block.add("Virtualization", shown(machine, "Virtualization"));
    block.add("Evidence", lines_of(array_at(machine, "VirtualizationEvidence"), evidence_text));
    block.add("Acceleration", shown(machine, "Acceleration"));
    block.add("Architecture", shown(machine, "Arch"));
    block.add("Machine type", shown(machine, "MachineType"));
    block.add("Firmware", shown(machine, "Firmware"));
    block.add("CPUs", of_maximum(fmt::to_string(number_at(machine, "Vcpus")),
                                 fmt::to_string(number_at(machine, "MaximumVcpus"))));
    block.add("Memory",
              of_maximum(size_text(number_at(machine, "Memory")), size_text(number_at(machine, "MaximumMemory"))));
}

}  // namespace

std::string machine_text(const Json& machine, const std::string& hypervisor) {
    Block block;
    block.add("Name", shown(machine, "Name"));
    block.add("Title", shown(machine, "Title"));
    block.add("UUID", shown(machine, "Uuid"));
    block.add("Hypervisor", printable(hypervisor));
    block.add("Kind", shown(machine, "Kind"));
    block.add("State", state_text(machine));
    if (const auto job = text_at(machine, "CurrentJob"); job.size() > 1) block.add("Job", printable(last_part(job)));
    add_hardware(block, machine);
    add_container(block, machine);
    add_devices(block, machine);
    block.add("Operating system", shown(machine, "OperatingSystem"));
    block.add("Autostart", yes_no(flag_at(machine, "Autostart")));
    block.add("Persistent", yes_no(flag_at(machine, "Persistent")));
    block.add("Owner", owner_text(machine));
    block.add("Tags", value_text("Tags", array_at(machine, "Tags")));
    block.add("Description", printable_lines(text_at(machine, "Description")));
    return block.text();
}

}  // namespace virtbusctl
