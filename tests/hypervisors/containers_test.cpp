// SPDX-License-Identifier: LGPL-2.1-or-later
#include "containers_test.h"

#include <fmt/format.h>

#include <cstdlib>
#include <stdexcept>

namespace virtbus::test {

namespace {

std::string environment(const char* name) {
    const char* value = std::getenv(name);
    if (value == nullptr) throw std::runtime_error(fmt::format("{} is not set: run this inside run-host", name));
    return value;
}

}  // namespace

ContainersTest::ContainersTest()
    : actor(environment("DBUS_SYSTEM_BUS_ADDRESS")), observer(environment("DBUS_SYSTEM_BUS_ADDRESS")) {
    // The daemon connects beside its start.
    for (const auto* path : {lxc, qemu}) {
        const auto hypervisor = actor.hypervisor(path);
        if (!actor.wait_until([&] { return hypervisor->Connected(); }))
            throw std::runtime_error(fmt::format("{} is not connected: {}", path, hypervisor->ConnectionError()));
    }
}

}  // namespace virtbus::test
