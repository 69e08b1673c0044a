// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libvirt/capabilities.h"

#include "support/errors.h"

#include <gtest/gtest.h>

#include "texts.h"

namespace virtbus::test {

namespace {

using Accelerations = std::vector<Acceleration>;
using GuestTypes = std::vector<Virtualization>;

Capabilities capabilities_of(const std::string& name) {
    return read_capabilities(read_text("capabilities/" + name + ".xml"));
}

TEST(Capabilities, OfAKvmHost) {
    const auto kvm = capabilities_of("kvm");
    EXPECT_EQ(kvm.arch, "x86_64");
    EXPECT_EQ(kvm.cpu, "Skylake-Client-IBRS");
    EXPECT_EQ(kvm.hardware, HardwareVirtualization::vmx);
    EXPECT_EQ(accelerations(kvm), (Accelerations{Acceleration::kvm, Acceleration::tcg}));
    EXPECT_EQ(guest_types(kvm), (GuestTypes{Virtualization::full, Virtualization::hybrid}));
    EXPECT_EQ(hypervisor_type("qemu", accelerations(kvm)), HypervisorType::type_1_and_2);
}

TEST(Capabilities, OfAXenHost) {
    const auto xen = capabilities_of("xen");
    EXPECT_EQ(accelerations(xen), Accelerations{Acceleration::xen});
    EXPECT_EQ(guest_types(xen), (GuestTypes{Virtualization::full, Virtualization::para, Virtualization::hybrid}));
}

TEST(Capabilities, OfAContainerHost) {
    const auto lxc = capabilities_of("lxc");
    EXPECT_EQ(accelerations(lxc), Accelerations{Acceleration::native});
    EXPECT_EQ(guest_types(lxc), GuestTypes{Virtualization::container});
    EXPECT_EQ(lxc.cpu, "");
}

TEST(Capabilities, OfTheTestDriver) {
    const auto test = capabilities_of("test");
    EXPECT_EQ(test.arch, "i686");
    EXPECT_EQ(test.hardware, HardwareVirtualization::none);
    EXPECT_EQ(accelerations(test), Accelerations{Acceleration::native});
    EXPECT_EQ(guest_types(test), (GuestTypes{Virtualization::full, Virtualization::para, Virtualization::hybrid}));
}

TEST(Capabilities, ThatAreNoneAreRefused) {
    EXPECT_TRUE(refuses(outcome_of([] { read_capabilities("<domain/>"); }), Code::invalid_xml));
    EXPECT_TRUE(accelerations(read_capabilities("<capabilities/>")).empty());
    EXPECT_TRUE(guest_types(read_capabilities("<capabilities/>")).empty());
}

TEST(HardwareVirtualization, IsReadFromACpusFeatures) {
    EXPECT_EQ(hardware_of_cpu("<cpu><model>qemu64</model><feature name='sse'/><feature name='svm'/></cpu>"),
              HardwareVirtualization::svm);
    EXPECT_EQ(hardware_of_cpu("<cpu><model>qemu64</model></cpu>"), HardwareVirtualization::none);
    EXPECT_EQ(hardware_of_cpu(capabilities_of("kvm").cpu_xml), capabilities_of("kvm").hardware);
}

TEST(HardwareVirtualization, IsReadFromTheFlagsOfTheFirstCpu) {
    EXPECT_EQ(hardware_virtualization("processor\t: 0\nflags\t\t: fpu vmx ssse3\nbugs\t\t:\n"),
              HardwareVirtualization::vmx);
    EXPECT_EQ(hardware_virtualization("processor\t: 0\nflags\t\t: fpu lahf_lm svm\n"), HardwareVirtualization::svm);
    EXPECT_EQ(hardware_virtualization("processor\t: 0\nflags\t\t: fpu\nvmx flags\t: vnmi\n"),
              HardwareVirtualization::none);
    EXPECT_EQ(hardware_virtualization("processor\t: 0\nflags\t\t: vmxnet svmx"), HardwareVirtualization::none);
    EXPECT_EQ(hardware_virtualization(""), HardwareVirtualization::none);
}

TEST(VersionText, IsMajorMinorRelease) {
    EXPECT_EQ(version_text(9'000'000), "9.0.0");
    EXPECT_EQ(version_text(7'002'022), "7.2.22");
    EXPECT_EQ(version_text(0), "");
}

}  // namespace

}  // namespace virtbus::test
