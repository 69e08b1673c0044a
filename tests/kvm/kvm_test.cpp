// SPDX-License-Identifier: LGPL-2.1-or-later
// KVM for real: a host whose kernel is the hypervisor, and machines that run by it.
#include "support/lab/lab_test.h"

#include <gmock/gmock.h>

#include <cstdint>
#include <string>
#include <vector>

namespace virtbus::test {

namespace {

using testing::Contains;
using testing::ElementsAre;

}  // namespace

class KvmTest : public LabTest {
protected:
    /// QEMU tells of the guest's reset.
    const Event rebooted{"rebooted", ""};

    static VariantMap guest_spec() {
        return {
            {"name", new_name()},
            {"memory", std::uint64_t{128} << 20},
            {"kernel", "/var/lib/libvirt/boot/vmlinuz"},
            {"initrd", "/var/lib/libvirt/boot/initrd.img"},
            {"cmdline", guest_command_line},
            {"interfaces", std::vector<VariantMap>{}},
        };
    }

    /// A machine with nothing paravirtual.
    std::string create_plain() {
        auto spec = guest_spec();
        spec["guest_agent"] = false;
        spec["rng"] = false;
        const auto path = create(spec);
        auto [xml, generation] = machine(path)->GetXml({});
        const auto balloon = xml.find("<memballoon");
        xml.replace(balloon, xml.find("</memballoon>") + 13 - balloon, "<memballoon model='none'/>");
        machine(path)->DefineXml(xml, {});
        return path;
    }
};

TEST_F(KvmTest, TheHypervisorSaysWhatItIs) {
    const auto kvm = hypervisor();
    EXPECT_EQ(kvm->Driver(), "qemu");
    EXPECT_EQ(kvm->Type(), "type-1+2");
    EXPECT_THAT(kvm->Accelerations(), ElementsAre("kvm", "tcg"));
    EXPECT_THAT(kvm->GuestTypes(), ElementsAre("full", "hybrid"));
    EXPECT_EQ(kvm->HardwareVirtualization(), "svm");
    EXPECT_EQ(kvm->Hostname(), "lab-kvm");
    EXPECT_EQ(kvm->Cpus(), 2U);
}

TEST_F(KvmTest, AMachineWithVirtioIsHybridAndLives) {
    const auto path = create(guest_spec());
    EXPECT_EQ(get<std::string>(path, "Acceleration"), "kvm");
    EXPECT_EQ(get<std::string>(path, "Virtualization"), "hybrid");
    EXPECT_THAT(get<std::vector<std::string>>(path, "VirtualizationEvidence"), Contains("memory balloon is virtio"));
    live(path, rebooted);
}

TEST_F(KvmTest, AMachineWithoutVirtioIsFullAndLives) {
    const auto path = create_plain();
    EXPECT_EQ(get<std::string>(path, "Acceleration"), "kvm");
    EXPECT_EQ(get<std::string>(path, "Virtualization"), "full");
    EXPECT_THAT(get<std::vector<std::string>>(path, "VirtualizationEvidence"),
                ElementsAre("os type hvm", "no paravirtual device"));
    live(path, rebooted);
}

TEST_F(KvmTest, TheKernelRunsTheGuest) {
    const auto path = create(guest_spec());
    start_ready(path);
    Console console(machine(path)->OpenConsole({}));
    console.write("grep -c svm /proc/cpuinfo; dmesg | grep Hypervisor.detected\n");
    EXPECT_TRUE(console.wait_for("Hypervisor detected: KVM", actor.patience));
    EXPECT_NE(host("ls -l /proc/[0-9]*/fd 2>/dev/null | grep /dev/kvm"), "");
}

TEST_F(KvmTest, ItIsTheSameMachineWhenLibvirtdComesBack) {
    const auto path = create(guest_spec());
    start_ready(path);
    forget();
    host("systemctl restart libvirtd");
    EXPECT_TRUE(observer.wait_for("Resynced", hypervisor_path));
    EXPECT_TRUE(hypervisor()->Connected());
    EXPECT_EQ(observer.count("InterfacesRemoved"), 0U);
    EXPECT_EQ(state(path), "running");
    machine(path)->Pause({});
    EXPECT_EQ(state(path), "paused");
    machine(path)->PowerOff({});
    EXPECT_EQ(state(path), "shut-off");
}

}  // namespace virtbus::test
