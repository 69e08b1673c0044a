// SPDX-License-Identifier: LGPL-2.1-or-later
// CreateMachine's a{sv}, as busctl --json prints one: {"name": {"type": "s", "data": "web"}}. What is taken becomes
// libvirt's XML, and that is read again.
#include "fuzz_target.h"

#include "bus/machine_spec_reader.h"
#include "libvirt/domain_reader.h"
#include "libvirt/domain_writer.h"
#include "model/allowed_files.h"

#include <nlohmann/json.hpp>

#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace virtbus::fuzz {

namespace {

using Json = nlohmann::json;

bus::VariantMap map_from(const Json& object);

template <typename Value>
sdbus::Variant variant_from(const Json& data) {
    return sdbus::Variant(data.get<Value>());
}

sdbus::Variant variant_from(const std::string& type, const Json& data) {
    // The library makes whole numbers of any, and the bus brings only such.
    if (data.is_number_float() && type != "d") throw std::invalid_argument("not a whole number");
    if (type == "s") return variant_from<std::string>(data);
    if (type == "t") return variant_from<std::uint64_t>(data);
    if (type == "u") return variant_from<std::uint32_t>(data);
    if (type == "i") return variant_from<std::int32_t>(data);
    if (type == "b") return variant_from<bool>(data);
    if (type == "d") return variant_from<double>(data);
    if (type == "as") return variant_from<std::vector<std::string>>(data);
    if (type == "a{sv}") return sdbus::Variant(map_from(data));
    std::vector<bus::VariantMap> maps;
    for (const auto& each : data) maps.push_back(map_from(each));
    return sdbus::Variant(maps);
}

bus::VariantMap map_from(const Json& object) {
    bus::VariantMap map;
    for (const auto& [key, value] : object.items())
        map.emplace(key, variant_from(value.at("type").get<std::string>(), value.at("data")));
    return map;
}

/// Nothing where no such map can come by D-Bus.
std::optional<bus::VariantMap> map_from(std::string_view text) {
    try {
        return map_from(Json::parse(text));
    } catch (const std::exception&) {
        return std::nullopt;
    }
}

/// One that can run all that a spec may ask for, of this kind.
Host host_of(Kind kind) {
    Host host;
    host.capabilities.arch = "x86_64";
    if (kind == Kind::vm)
        host.capabilities.guests = {{"hvm", "x86_64", {"kvm", "qemu"}}, {"hvm", "aarch64", {"qemu"}}};
    else
        host.capabilities.guests = {{"exe", "x86_64", {"lxc"}}};
    return host;
}

void write_and_read(const MachineSpec& spec, Kind kind) {
    check_kind(spec, kind);
    const auto uuid = spec.uuid.value_or(Uuid::random());
    const auto machine = read_domain(write_domain(spec, uuid, host_of(kind)));
    require(machine.name == spec.name && machine.uuid == uuid, "a machine has the name and UUID that were asked for");
    require(machine.title == spec.title && machine.description == spec.description,
            "texts are read as they are written");
}

}  // namespace

void read_anything(std::string_view input) {
    auto map = map_from(input);
    if (!map) return;
    is_taken([&] {
        const auto spec = bus::read_machine_spec(std::move(*map));
        validate(spec);
        check_files(spec, AllowedFiles::everything());
        for (const auto kind : {Kind::vm, Kind::container}) is_taken([&] { write_and_read(spec, kind); });
    });
}

}  // namespace virtbus::fuzz
