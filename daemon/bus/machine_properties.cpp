// SPDX-License-Identifier: LGPL-2.1-or-later
#include "bus/machine_properties.h"

#include <tuple>

namespace virtbus::bus {

namespace {

template <typename Member>
struct Property {
    const char* name;
    Member member;
};
template <typename Member>
Property(const char*, Member) -> Property<Member>;  // clang 14 does not find it by itself

/// All that can change, in the order of the XML.
constexpr std::tuple properties{
    Property{"Name", &Machine::name},
    Property{"Kind", &Machine::kind},
    Property{"Virtualization", &Machine::virtualization},
    Property{"VirtualizationEvidence", &Machine::evidence},
    Property{"Acceleration", &Machine::acceleration},
    Property{"State", &Machine::state},
    Property{"StateReason", &Machine::state_reason},
    Property{"StateSinceUSec", &Machine::state_since},
    Property{"Persistent", &Machine::persistent},
    Property{"Autostart", &Machine::autostart},
    Property{"Saved", &Machine::saved},
    Property{"Arch", &Machine::arch},
    Property{"MachineType", &Machine::machine_type},
    Property{"Firmware", &Machine::firmware},
    Property{"Vcpus", &Machine::vcpus},
    Property{"MaximumVcpus", &Machine::maximum_vcpus},
    Property{"Memory", &Machine::memory},
    Property{"MaximumMemory", &Machine::maximum_memory},
    Property{"Disks", &Machine::disks},
    Property{"Interfaces", &Machine::interfaces},
    Property{"Graphics", &Machine::graphics},
    Property{"Agent", &Machine::agent},
    Property{"OperatingSystem", &Machine::operating_system},
    Property{"Title", &Machine::title},
    Property{"Description", &Machine::description},
    Property{"Tags", &Machine::tags},
    Property{"Owner", &Machine::owner},
    Property{"CurrentJob", &Machine::current_job},
    Property{"Generation", &Machine::generation},
};

void put(VariantMap& map, const char* key, const std::string& value) {
    if (!value.empty()) map.emplace(key, sdbus::Variant(value));
}

}  // namespace

std::vector<std::string> changed_properties(const Machine& before, const Machine& after) {
    std::vector<std::string> names;
    const auto compare = [&](const auto& property) {
        if (before.*property.member != after.*property.member) names.emplace_back(property.name);
    };
    std::apply([&](const auto&... each) { (compare(each), ...); }, properties);
    return names;
}

VariantMap to_dictionary(const Disk& disk) {
    VariantMap map;
    put(map, "target", disk.target);
    put(map, "bus", disk.bus);
    put(map, "device", disk.device);
    put(map, "format", disk.format);
    put(map, "file", disk.file);
    put(map, "block", disk.block);
    put(map, "dir", disk.dir);
    put(map, "pool", disk.pool);
    put(map, "volume", disk.volume);
    put(map, "protocol", disk.protocol);
    put(map, "name", disk.name);
    map.emplace("readonly", sdbus::Variant(disk.readonly));
    map.emplace("shareable", sdbus::Variant(disk.shareable));
    return map;
}

VariantMap to_dictionary(const Interface& interface) {
    VariantMap map;
    put(map, "mac", interface.mac);
    put(map, "type", interface.type);
    put(map, "model", interface.model);
    put(map, "network", interface.network);
    put(map, "bridge", interface.bridge);
    put(map, "target", interface.target);
    return map;
}

VariantMap to_dictionary(const Graphics& graphics) {
    VariantMap map;
    put(map, "type", graphics.type);
    put(map, "listen", graphics.listen);
    put(map, "address", graphics.address);
    if (graphics.port != 0) map.emplace("port", sdbus::Variant(std::uint32_t{graphics.port}));
    return map;
}

}  // namespace virtbus::bus
