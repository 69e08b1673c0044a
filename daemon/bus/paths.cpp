// SPDX-License-Identifier: LGPL-2.1-or-later
#include "bus/paths.h"

#include <fmt/format.h>

#include <systemd/sd-bus.h>
#include <charconv>

#include <cstdlib>
#include <memory>
#include <new>

namespace virtbus::bus {

namespace {

using Text = std::unique_ptr<char, decltype(&std::free)>;

/// `parent`/<name, escaped>
std::string encoded(const std::string& parent, std::string_view name) {
    char* path = nullptr;
    if (sd_bus_path_encode(parent.c_str(), std::string(name).c_str(), &path) < 0) throw std::bad_alloc();
    const Text owner(path, &std::free);
    return path;
}

/// Takes `prefix`/<name, escaped> off the front of `path`, up to the next "/".
std::optional<std::string> take(std::string_view& path, std::string_view prefix) {
    if (!path.starts_with(prefix) || !path.substr(prefix.size()).starts_with('/')) return std::nullopt;
    const auto end = path.find('/', prefix.size() + 1);
    const std::string element(path.substr(0, end));
    path.remove_prefix(element.size());
    char* name = nullptr;
    if (sd_bus_path_decode(element.c_str(), std::string(prefix).c_str(), &name) <= 0) return std::nullopt;
    const Text owner(name, &std::free);
    return std::string(name);
}

const std::string& text(const sdbus::ObjectPath& path) { return path; }

struct PathOf {
    sdbus::ObjectPath operator()(const HostRef&) const { return fmt::format("{}/machine_id", root_path); }
    sdbus::ObjectPath operator()(const MachineRef& machine) const {
        return machine_path(machine.hypervisor, machine.uuid);
    }
    sdbus::ObjectPath operator()(const PoolRef& pool) const { return pool_path(pool.hypervisor, pool.name); }
    sdbus::ObjectPath operator()(const ImageRef& image) const {
        return image_path(image.hypervisor, image.pool, image.name);
    }
};

}  // namespace

sdbus::ObjectPath hypervisor_path(std::string_view name) {
    return encoded(fmt::format("{}/hypervisor", root_path), name);
}

sdbus::ObjectPath machine_path(std::string_view hypervisor, const Uuid& uuid) {
    return machine_path_below(hypervisor_path(hypervisor), uuid);
}

sdbus::ObjectPath machine_path_below(const sdbus::ObjectPath& hypervisor, const Uuid& uuid) {
    return text(hypervisor) + "/machine/" + uuid.text('_');
}

sdbus::ObjectPath pool_path(std::string_view hypervisor, std::string_view name) {
    return encoded(text(hypervisor_path(hypervisor)) + "/pool", name);
}

sdbus::ObjectPath image_path(std::string_view hypervisor, std::string_view pool, std::string_view name) {
    return encoded(text(pool_path(hypervisor, pool)) + "/image", name);
}

sdbus::ObjectPath network_path(std::string_view hypervisor, std::string_view name) {
    return encoded(text(hypervisor_path(hypervisor)) + "/network", name);
}

sdbus::ObjectPath object_path(const ObjectRef& object) { return std::visit(PathOf{}, object); }

std::optional<ImageRef> image_ref(const sdbus::ObjectPath& path) {
    std::string_view rest = text(path);
    const auto hypervisor = take(rest, fmt::format("{}/hypervisor", root_path));
    const auto pool = take(rest, "/pool");
    const auto image = take(rest, "/image");
    if (!hypervisor || !pool || !image || !rest.empty()) return std::nullopt;
    return ImageRef{*hypervisor, *pool, *image};
}

std::optional<PoolRef> pool_ref(const sdbus::ObjectPath& path) {
    std::string_view rest = text(path);
    const auto hypervisor = take(rest, fmt::format("{}/hypervisor", root_path));
    const auto pool = take(rest, "/pool");
    if (!hypervisor || !pool || !rest.empty()) return std::nullopt;
    return PoolRef{*hypervisor, *pool};
}

sdbus::ObjectPath job_path(std::uint64_t number) {
    return number == 0 ? std::string(no_object) : fmt::format("{}/job/{}", root_path, number);
}

std::uint64_t job_number(std::string_view path) {
    static const std::string before = fmt::format("{}/job/", root_path);
    std::uint64_t number = 0;
    if (path.starts_with(before)) std::from_chars(path.data() + before.size(), path.data() + path.size(), number);
    return number;
}

}  // namespace virtbus::bus
