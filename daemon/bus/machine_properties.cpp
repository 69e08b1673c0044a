// SPDX-License-Identifier: LGPL-2.1-or-later
#include "bus/machine_properties.h"

namespace virtbus::bus {

namespace {

void put(VariantMap& map, const char* key, const std::string& value) {
    if (!value.empty()) map.emplace(key, sdbus::Variant(value));
}

}  // namespace

Changes machine_changes(const Machine& before, const Machine& after) {
    Changes changes;
    changes.compare("Name", before.name, after.name);
    changes.compare("Kind", before.kind, after.kind);
    changes.compare("Virtualization", before.virtualization, after.virtualization);
    changes.compare("VirtualizationEvidence", before.evidence, after.evidence);
    changes.compare("Acceleration", before.acceleration, after.acceleration);
    changes.compare("State", before.state, after.state);
    changes.compare("StateReason", before.state_reason, after.state_reason);
    changes.compare("StateSinceUSec", before.state_since, after.state_since);
    changes.compare("Persistent", before.persistent, after.persistent);
    changes.compare("Autostart", before.autostart, after.autostart);
    changes.compare("Arch", before.arch, after.arch);
    changes.compare("Vcpus", before.vcpus, after.vcpus);
    changes.compare("MaximumVcpus", before.maximum_vcpus, after.maximum_vcpus);
    changes.compare("Memory", before.memory, after.memory);
    changes.compare("MaximumMemory", before.maximum_memory, after.maximum_memory);
    changes.compare("Interfaces", before.interfaces, after.interfaces);
    changes.compare("Addresses", before.addresses, after.addresses);
    changes.compare("AddressesUSec", before.addresses_found, after.addresses_found);
    changes.compare("OperatingSystem", before.operating_system, after.operating_system);
    changes.compare("Title", before.title, after.title);
    changes.compare("Description", before.description, after.description);
    changes.compare("Tags", before.tags, after.tags);
    changes.compare("Owner", before.owner, after.owner);
    changes.compare("CurrentJob", before.current_job, after.current_job);
    changes.compare("Generation", before.generation, after.generation);
    return changes;
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

VariantMap to_dictionary(const Address& address) {
    std::vector<std::string> sources;
    for (const auto source : address.sources) sources.emplace_back(to_string(source));
    VariantMap map;
    put(map, "address", address.address.text());
    put(map, "mac", address.mac);
    if (address.prefix != 0) map.emplace("prefix", sdbus::Variant(std::uint32_t{address.prefix}));
    map.emplace("sources", sdbus::Variant(sources));
    put(map, "device", address.device);
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
