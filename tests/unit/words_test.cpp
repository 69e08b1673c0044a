// SPDX-License-Identifier: LGPL-2.1-or-later
// The words that the bus shows, and the rules that choose among them: virtualisation with its evidence, the type of a
// hypervisor, URIs as people may see them.
#include "model/hypervisor.h"
#include "model/hypervisor_info.h"
#include "model/jobs.h"
#include "model/machine.h"
#include "model/uri.h"
#include "model/virtualization.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace virtbus {
namespace {

using testing::ElementsAre;

template <typename Enum>
std::vector<std::string_view> words(int count) {
    std::vector<std::string_view> all;
    for (int i = 0; i < count; ++i) all.push_back(to_string(static_cast<Enum>(i)));
    return all;
}

TEST(Words, AreThoseOfTheInterfaces) {
    EXPECT_THAT(words<Kind>(2), ElementsAre("vm", "container"));
    EXPECT_THAT(words<Virtualization>(5), ElementsAre("unknown", "full", "hybrid", "para", "container"));
    EXPECT_THAT(words<Acceleration>(4), ElementsAre("kvm", "xen", "tcg", "native"));
    EXPECT_THAT(words<MachineState>(8), ElementsAre("unknown", "running", "blocked", "paused", "shutting-down",
                                                    "shut-off", "crashed", "suspended"));
    EXPECT_THAT(words<AgentState>(3), ElementsAre("none", "disconnected", "connected"));
    EXPECT_THAT(words<HypervisorType>(5), ElementsAre("unknown", "type-1", "type-2", "type-1+2", "container"));
    EXPECT_THAT(words<HardwareVirtualization>(3), ElementsAre("none", "vmx", "svm"));
    EXPECT_THAT(words<ConnectionState>(4), ElementsAre("connecting", "connected", "failed", "disconnected"));
    EXPECT_THAT(words<JobKind>(3), ElementsAre("start", "shutdown", "save"));
    EXPECT_THAT(words<JobState>(4), ElementsAre("running", "done", "failed", "cancelled"));
}

TEST(Words, MachineIsActiveWhileThereIsAGuestInIt) {
    std::vector<std::string_view> active;
    for (int i = 0; i < 8; ++i)
        if (const auto state = static_cast<MachineState>(i); is_active(state)) active.push_back(to_string(state));
    EXPECT_THAT(active, ElementsAre("running", "blocked", "paused", "shutting-down", "crashed", "suspended"));
}

TEST(Classify, OsTypeAloneDecidesForContainersAndXen) {
    EXPECT_EQ(classify({"exe", {}, {}}), (Verdict{Virtualization::container, {"os type exe"}}));
    EXPECT_EQ(classify({"xen", {}, {}}), (Verdict{Virtualization::para, {"os type xen"}}));
    EXPECT_EQ(classify({"linux", {}, {}}), (Verdict{Virtualization::para, {"os type linux"}}));
    EXPECT_EQ(classify({"xenpvh", {}, {}}), (Verdict{Virtualization::hybrid, {"os type xenpvh"}}));
}

TEST(Classify, HvmWithoutAnythingParavirtualIsFull) {
    EXPECT_EQ(classify({"hvm", {}, {}}), (Verdict{Virtualization::full, {"os type hvm", "no paravirtual device"}}));
}

TEST(Classify, HvmWithAParavirtualDeviceOrAnEnlightenmentIsHybrid) {
    EXPECT_EQ(classify({"hvm", {"disk vda is virtio"}, {}}),
              (Verdict{Virtualization::hybrid, {"os type hvm", "disk vda is virtio"}}));
    EXPECT_EQ(classify({"hvm", {}, {"Hyper-V enlightenment relaxed"}}),
              (Verdict{Virtualization::hybrid, {"os type hvm", "Hyper-V enlightenment relaxed"}}));
    EXPECT_THAT(classify({"hvm", {"a", "b"}, {"c"}}).evidence, ElementsAre("os type hvm", "a", "b", "c"));
}

TEST(Classify, WhatItDoesNotKnowItDoesNotGuess) {
    EXPECT_EQ(classify({"", {"disk vda is virtio"}, {}}), (Verdict{Virtualization::unknown, {"os type not given"}}));
    EXPECT_EQ(classify({"uml", {}, {}}).virtualization, Virtualization::unknown);
    EXPECT_EQ(classify({"HVM", {}, {}}).virtualization, Virtualization::unknown);
}

TEST(HypervisorType, OfQemuDependsOnKvm) {
    EXPECT_EQ(hypervisor_type("qemu", {Acceleration::kvm, Acceleration::tcg}), HypervisorType::type_1_and_2);
    EXPECT_EQ(hypervisor_type("qemu", {Acceleration::tcg}), HypervisorType::type_2);
    EXPECT_EQ(hypervisor_type("qemu", {}), HypervisorType::type_2);
}

TEST(HypervisorType, OfTheOthersIsThatOfTheirVendors) {
    for (const auto driver : {"xen", "esx", "hyper-v", "phyp"})
        EXPECT_EQ(hypervisor_type(driver, {}), HypervisorType::type_1) << driver;
    for (const auto driver : {"vbox", "vmware", "parallels", "bhyve"})
        EXPECT_EQ(hypervisor_type(driver, {}), HypervisorType::type_2) << driver;
    for (const auto driver : {"lxc", "openvz"})
        EXPECT_EQ(hypervisor_type(driver, {}), HypervisorType::container) << driver;
    for (const auto driver : {"", "test", "QEMU", "xenserver"})
        EXPECT_EQ(hypervisor_type(driver, {Acceleration::kvm}), HypervisorType::unknown) << driver;
}

TEST(PublicUri, HasNeitherUserNorPasswordNorQuery) {
    EXPECT_EQ(public_uri("qemu:///system"), "qemu:///system");
    EXPECT_EQ(public_uri("qemu+ssh://root@host/system?keyfile=/secret&no_verify=1"), "qemu+ssh://host/system");
    EXPECT_EQ(public_uri("esx://admin:pa:ss@word@host:443/?no_verify=1"), "esx://host:443/");
    EXPECT_EQ(public_uri("vpx://user@host/dc/cluster#fragment"), "vpx://host/dc/cluster");
    EXPECT_EQ(public_uri("qemu+tls://[::1]:16514/system"), "qemu+tls://[::1]:16514/system");
    EXPECT_EQ(public_uri("test:///etc/node@2.xml"), "test:///etc/node@2.xml");
    EXPECT_EQ(public_uri(""), "");
    EXPECT_EQ(public_uri("://"), "://");
    EXPECT_EQ(public_uri("qemu://\xff/"), "qemu://\uFFFD/");
}

TEST(SameHost, IsToldWithItsDomainAndWithout) {
    EXPECT_TRUE(is_same_host("web", "web"));
    EXPECT_TRUE(is_same_host("web.example.org", "web"));
    EXPECT_TRUE(is_same_host("web", "web.example.org"));
    EXPECT_FALSE(is_same_host("web", "web2"));
    EXPECT_FALSE(is_same_host("web.example.org", "db.example.org"));
}

}  // namespace
}  // namespace virtbus
