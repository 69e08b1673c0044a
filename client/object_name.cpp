// SPDX-License-Identifier: LGPL-2.1-or-later
#include "object_name.h"

#include <systemd/sd-bus.h>

#include <algorithm>
#include <cstdlib>
#include <memory>

#include "text.h"

namespace virtbusctl {

namespace {

constexpr const char* hypervisor_template = "/org/virtbus1/hypervisor/%";
constexpr const char* machine_template = "/org/virtbus1/hypervisor/%/machine/%";
constexpr const char* pool_template = "/org/virtbus1/hypervisor/%/pool/%";
constexpr const char* network_template = "/org/virtbus1/hypervisor/%/network/%";
constexpr const char* image_template = "/org/virtbus1/hypervisor/%/pool/%/image/%";

/// Takes what libsystemd has allocated.
std::string taken(char* text) {
    const std::unique_ptr<char, decltype(&std::free)> owner(text, &std::free);
    return text == nullptr ? "" : text;
}

/// "" for the path of anything but a network.
std::string network_name(const std::string& path) {
    char* hypervisor = nullptr;
    char* network = nullptr;
    if (sd_bus_path_decode_many(path.c_str(), network_template, &hypervisor, &network) <= 0) return "";
    taken(hypervisor);
    return taken(network);
}

/// "" for the path of anything but a machine. Paths have "_" where a UUID has "-".
std::string machine_uuid(const std::string& path) {
    char* hypervisor = nullptr;
    char* machine = nullptr;
    if (sd_bus_path_decode_many(path.c_str(), machine_template, &hypervisor, &machine) <= 0) return "";
    taken(hypervisor);
    taken(machine);
    auto uuid = last_part(path);
    std::replace(uuid.begin(), uuid.end(), '_', '-');
    return uuid;
}

}  // namespace

std::optional<StorageName> storage_name(const std::string& path) {
    char* hypervisor = nullptr;
    char* pool = nullptr;
    char* image = nullptr;
    // The shorter template would not match the longer path: a name holds no slash.
    const bool found = sd_bus_path_decode_many(path.c_str(), image_template, &hypervisor, &pool, &image) > 0 ||
                       sd_bus_path_decode_many(path.c_str(), pool_template, &hypervisor, &pool) > 0;
    if (!found) return {};
    return StorageName{taken(hypervisor), taken(pool), taken(image)};
}

std::string last_part(const std::string& path) { return path.substr(path.rfind('/') + 1); }

std::string short_name(const std::string& path) {
    if (path == host_id_path) return host_name;
    if (const auto name = storage_name(path)) return name->image.empty() ? name->pool : name->pool + "/" + name->image;
    if (const auto network = network_name(path); !network.empty()) return network;
    if (auto uuid = machine_uuid(path); !uuid.empty()) return uuid;
    char* hypervisor = nullptr;
    return sd_bus_path_decode_many(path.c_str(), hypervisor_template, &hypervisor) > 0 ? taken(hypervisor) : path;
}

std::string kind_and_name(const std::string& path) {
    if (const auto network = network_name(path); !network.empty()) return "network " + printable(network);
    const auto name = storage_name(path);
    if (!name) return "";
    return (name->image.empty() ? "pool " : "image ") + printable(short_name(path));
}

std::string subject_name(const std::map<std::string, std::string>& machines, const std::string& path) {
    const auto machine = machines.find(path);
    return machine == machines.end() ? short_name(path) : machine->second;
}

}  // namespace virtbusctl
