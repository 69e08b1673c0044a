// SPDX-License-Identifier: LGPL-2.1-or-later
// Xen's host: what it says of itself, its Domain-0, guests that are not libvirt's, and what its driver cannot do.
#include "xen_test.h"

#include <gmock/gmock.h>

#include <string>
#include <vector>

namespace virtbus::test {

using testing::ElementsAre;
using testing::StartsWith;

class XenHostTest : public XenTest {
protected:
    const std::string domain_0 = hypervisor_path + "/machine/00000000_0000_0000_0000_000000000000";

    std::size_t machines() {
        return actor.manager()->ListMachines({{"hypervisor", environment("VIRTBUS_TEST_HYPERVISOR")}}).size();
    }
};

TEST_F(XenHostTest, ItSaysWhatItIs) {
    const auto xen = hypervisor();
    EXPECT_EQ(xen->Driver(), "xen");
    EXPECT_EQ(xen->Type(), "type-1");
    EXPECT_THAT(xen->Accelerations(), ElementsAre("xen"));
    EXPECT_THAT(xen->GuestTypes(), ElementsAre("full", "para", "hybrid"));
    EXPECT_THAT(xen->Version(), StartsWith("4.17."));
    EXPECT_EQ(xen->HardwareVirtualization(), "svm");
    EXPECT_EQ(xen->Hostname(), "lab-xen");
    EXPECT_EQ(xen->ConnectionState(), "connected");
}

TEST_F(XenHostTest, Domain0IsAMachineThatNobodyCanEnd) {
    // The first listing takes its time here.
    ASSERT_TRUE(actor.wait_until([&] { return actor.manager()->GetManagedObjects().contains(domain_0); }));
    EXPECT_EQ(actor.manager()->GetMachine("Domain-0", {}), domain_0);
    EXPECT_EQ(name_of(domain_0), "Domain-0");
    EXPECT_EQ(get<std::string>(domain_0, "Uuid"), "00000000-0000-0000-0000-000000000000");
    EXPECT_EQ(get<std::string>(domain_0, "Virtualization"), "para");
    EXPECT_EQ(state(domain_0), "running");
    // libvirt takes it for transient once it has been restarted itself.
    const bool persistent = get<bool>(domain_0, "Persistent");
    for (const auto& failure :
         {failure_of([&] { machine(domain_0)->PowerOff({}); }), failure_of([&] { machine(domain_0)->Pause({}); }),
          failure_of([&] { machine(domain_0)->Delete({}); }), failure_of([&] {
              machine(domain_0)->Delete({{"force", true}});
          })})
        EXPECT_EQ(failure.name, "org.virtbus1.Error.InvalidState") << failure;
    EXPECT_EQ(state(domain_0), "running");
    EXPECT_EQ(get<bool>(domain_0, "Persistent"), persistent) << "a forced Delete has undefined it";
}

TEST_F(XenHostTest, WhatXlMadeIsInvisibleAndBreaksNothing) {
    const auto before = machines();
    forget();
    host(
        "printf \"name=\\\"foreign\\\"\\nkernel=\\\"/var/lib/libvirt/boot/vmlinuz\\\"\\nmemory=128\\n\" "
        ">/run/foreign.cfg && "
        "xl create -p /run/foreign.cfg");
    EXPECT_THAT(host("xl list"), testing::HasSubstr("foreign"));
    const auto path = define(pv);
    start_ready(path);
    EXPECT_EQ(machines(), before + 1);
    host("xl destroy foreign");
    machine(path)->PowerOff({});
    EXPECT_EQ(state(path), "shut-off");
    EXPECT_EQ(machines(), before + 1);
    observer.flush();
    EXPECT_EQ(observer.count("InterfacesAdded"), 1U);
    EXPECT_EQ(observer.count("InterfacesRemoved"), 0U);
    EXPECT_TRUE(hypervisor()->Connected());
}

TEST_F(XenHostTest, WhatItsDriverCannotDoIsNotSupported) {
    const auto path = define(pv);
    start_ready(path);
    const auto expect_not_supported = [&](const char* what, const auto& call) {
        const auto failure = failure_of(call);
        EXPECT_EQ(failure.name, "org.virtbus1.Error.NotSupported") << what << ": " << failure;
    };
    const auto guest = machine(path);
    expect_not_supported("Reset", [&] { guest->Reset({}); });
    expect_not_supported("Rename", [&] { guest->Rename("other", {}); });
    expect_not_supported("Reboot", [&] { guest->Reboot({{"mode", "agent"}}); });
    expect_not_supported("Shutdown", [&] { guest->Shutdown({{"mode", "agent"}}); });
    EXPECT_EQ(state(path), "running");
}

TEST_F(XenHostTest, SettingsAreChanged) {
    const auto path = define(pv);
    machine(path)->SetAutostart(true, {});
    EXPECT_TRUE(get<bool>(path, "Autostart"));
    machine(path)->SetMemory(std::uint64_t{128} << 20, {});
    EXPECT_EQ(get<std::uint64_t>(path, "Memory"), std::uint64_t{128} << 20);
    // libvirt's driver gives a guest no more than the host has, and that has one here.
    const auto refusal = failure_of([&] { machine(path)->SetVcpus(2, {{"maximum", std::uint32_t{2}}}); });
    EXPECT_EQ(refusal.name, "org.freedesktop.DBus.Error.InvalidArgs") << refusal;
    machine(path)->SetVcpus(1, {});
    EXPECT_EQ(get<std::uint32_t>(path, "Vcpus"), 1U);
    machine(path)->SetTitle("a title", {});
    EXPECT_EQ(get<std::string>(path, "Title"), "a title");
}

TEST_F(XenHostTest, AMachineIsMadeFromASpec) {
    const auto path = create({
        {"name", new_name()},
        {"memory", std::uint64_t{160} << 20},
        {"kernel", "/var/lib/libvirt/boot/vmlinuz"},
        {"initrd", "/var/lib/libvirt/boot/initrd.img"},
        {"cmdline", guest_command_line},
        {"interfaces", std::vector<VariantMap>{}},
    });
    EXPECT_EQ(get<std::string>(path, "Virtualization"), "full");
    start_ready(path);
}

}  // namespace virtbus::test
