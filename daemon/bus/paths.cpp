// SPDX-License-Identifier: LGPL-2.1-or-later
#include "bus/paths.h"

#include <fmt/format.h>
#include <systemd/sd-bus.h>

#include <cstdlib>
#include <memory>
#include <new>

namespace virtbus::bus {

sdbus::ObjectPath hypervisor_path(std::string_view name) {
    char* path = nullptr;
    if (sd_bus_path_encode(fmt::format("{}/hypervisor", root_path).c_str(), std::string(name).c_str(), &path) < 0)
        throw std::bad_alloc();
    const std::unique_ptr<char, decltype(&std::free)> owner(path, &std::free);
    return std::string(path);
}

sdbus::ObjectPath machine_path(std::string_view hypervisor, const Uuid& uuid) {
    return fmt::format("{}/machine/{}", static_cast<const std::string&>(hypervisor_path(hypervisor)), uuid.text('_'));
}

sdbus::ObjectPath job_path(std::uint64_t number) {
    return number == 0 ? std::string(no_object) : fmt::format("{}/job/{}", root_path, number);
}

}  // namespace virtbus::bus
