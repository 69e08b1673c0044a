// SPDX-License-Identifier: LGPL-2.1-or-later
#include "bus/machine_spec_reader.h"

namespace virtbus::bus {

namespace {

DiskSpec read_disk(Options keys) {
    DiskSpec disk;
    keys.take_into("pool", disk.pool);
    keys.take_into("volume", disk.volume);
    keys.take_into("file", disk.file);
    keys.take_into("format", disk.format);
    keys.take_into("device", disk.device);
    keys.take_into("bus", disk.bus);
    disk.readonly = keys.take<bool>("readonly");
    keys.refuse_unknown();
    return disk;
}

InterfaceSpec read_interface(Options keys) {
    InterfaceSpec interface;
    keys.take_into("type", interface.type);
    keys.take_into("network", interface.network);
    keys.take_into("bridge", interface.bridge);
    keys.take_into("model", interface.model);
    keys.take_into("mac", interface.mac);
    keys.refuse_unknown();
    return interface;
}

template <typename Device>
std::optional<std::vector<Device>> take_devices(Options& keys, const std::string& key, Device (*read)(Options)) {
    auto maps = keys.take<std::vector<VariantMap>>(key);
    if (!maps) return std::nullopt;
    std::vector<Device> devices;
    for (std::size_t i = 0; i < maps->size(); ++i)
        devices.push_back(read(Options(std::move((*maps)[i]), fmt::format("{}[{}].", key, i))));
    return devices;
}

std::optional<Uuid> take_uuid(Options& keys) {
    const auto text = keys.take<std::string>("uuid");
    if (!text) return std::nullopt;
    auto uuid = Uuid::parse(*text);
    if (!uuid || *uuid == Uuid()) throw Error(Code::invalid_args, "uuid: not a UUID");
    return uuid;
}

/// A path alone, or with its arguments.
std::vector<std::string> take_init(Options& keys, const VariantMap& values) {
    const auto init = values.find("init");
    if (init == values.end() || !init->second.containsValueOfType<std::string>())
        return keys.take<std::vector<std::string>>("init").value_or(std::vector<std::string>());
    return {keys.take<std::string>("init").value()};
}

}  // namespace

MachineSpec read_machine_spec(VariantMap values) {
    Options keys(values);
    MachineSpec spec;
    for (const auto& [key, value] : values) spec.given.push_back(key);
    const auto name = keys.take<std::string>("name");
    keys.take_into("memory", spec.memory);
    keys.take_into("vcpus", spec.vcpus);
    keys.take_into("maximum_vcpus", spec.maximum_vcpus);
    spec.uuid = take_uuid(keys);
    keys.take_into("arch", spec.arch);
    keys.take_into("machine_type", spec.machine_type);
    keys.take_into("firmware", spec.firmware);
    keys.take_into("acceleration", spec.acceleration);
    keys.take_into("title", spec.title);
    keys.take_into("description", spec.description);
    keys.take_into("tags", spec.tags);
    spec.disks = take_devices(keys, "disks", read_disk).value_or(std::vector<DiskSpec>());
    spec.interfaces = take_devices(keys, "interfaces", read_interface);
    keys.take_into("kernel", spec.kernel);
    keys.take_into("initrd", spec.initrd);
    keys.take_into("cmdline", spec.cmdline);
    keys.take_into("serial", spec.serial);
    keys.take_into("graphics", spec.graphics);
    keys.take_into("guest_agent", spec.guest_agent);
    keys.take_into("rng", spec.rng);
    keys.take_into("autostart", spec.autostart);
    keys.take_into("start", spec.start);
    keys.take_into("paused", spec.paused);
    keys.take_into("root", spec.root);
    spec.init = take_init(keys, values);
    keys.refuse_unknown();
    if (!name) throw Error(Code::invalid_args, "name: required");
    spec.name = *name;
    return spec;
}

}  // namespace virtbus::bus
