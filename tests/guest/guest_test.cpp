// SPDX-License-Identifier: LGPL-2.1-or-later
#include "guest_test.h"

#include <fmt/format.h>
#include <unistd.h>

#include <stdexcept>

namespace virtbus::test {

GuestTest::GuestTest() : MachineTest(environment("DBUS_SESSION_BUS_ADDRESS"), "qemu") {
    // The daemon connects beside its start, and libvirt's session daemon takes its time with the first client.
    const auto qemu = hypervisor();
    if (!actor.wait_until([&] { return qemu->Connected(); }))
        throw std::runtime_error("the hypervisor is not connected: " + qemu->ConnectionError());
}

VariantMap GuestTest::guest_spec() {
    static int number = 0;
    const auto directory = environment("VIRTBUS_GUEST_DIR");
    return {
        {"name", fmt::format("guest-{}-{}", ::getpid(), ++number)},
        {"memory", std::uint64_t{128} << 20},
        {"kernel", directory + "/vmlinuz"},
        {"initrd", directory + "/initrd.img"},
        {"cmdline", guest_command_line},
        {"interfaces", std::vector<VariantMap>{}},
    };
}

std::string GuestTest::create_ready(const VariantMap& spec) {
    const auto path = create(spec);
    boot(path);
    return path;
}

void GuestTest::boot(const std::string& path) {
    machine(path)->Start({{"paused", true}});
    EXPECT_TRUE(says_ready(path, [&] { machine(path)->Resume({}); }));
}

bool GuestTest::says_ready(const std::string& path, const std::function<void()>& act) {
    Console console(machine(path)->OpenConsole({}));
    act();
    if (console.wait_for("virtbus guest ready")) return true;
    fmt::print("the guest did not come up; it wrote: {}\n", console.output());
    return false;
}

}  // namespace virtbus::test
