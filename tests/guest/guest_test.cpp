// SPDX-License-Identifier: LGPL-2.1-or-later
#include "guest_test.h"

#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
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
        {"cmdline", "console=ttyS0 quiet loglevel=3"},
        {"interfaces", std::vector<VariantMap>{}},
    };
}

std::string GuestTest::create_ready(const VariantMap& spec) {
    const auto path = create(spec);
    boot(path);
    return path;
}

// Once in some hundred times the guest hangs while it boots, on a busy machine without KVM: then it gets one more
// chance.

void GuestTest::boot(const std::string& path) {
    if (starts(path)) return;
    boot_again(path);
}

void GuestTest::boot_again(const std::string& path) {
    machine(path)->PowerOff({});
    EXPECT_TRUE(starts(path));
}

bool GuestTest::comes_up_again(const std::string& path, const std::function<void()>& act) {
    if (says_ready(path, act)) return true;
    boot_again(path);
    return says_ready(path, act);
}

bool GuestTest::starts(const std::string& path) {
    machine(path)->Start({{"paused", true}});
    return says_ready(path, [&] { machine(path)->Resume({}); });
}

bool GuestTest::says_ready(const std::string& path, const std::function<void()>& act) {
    Console console(machine(path)->OpenConsole({}));
    act();
    if (console.wait_for("virtbus guest ready", std::chrono::minutes(1))) return true;
    fmt::print("the guest did not come up; it wrote: {}\n", console.output());
    return false;
}

}  // namespace virtbus::test
