// SPDX-License-Identifier: LGPL-2.1-or-later
#include "hypervisor_text.h"

#include <gtest/gtest.h>

namespace virtbusctl {
namespace {

TEST(HypervisorText, SaysWhatItIsAndCan) {
    const Json hypervisor{{"Name", "esx"},
                          {"Uri", "esx://host/"},
                          {"Configured", false},
                          {"ConnectionState", "connected"},
                          {"ConnectionError", ""},
                          {"Driver", "esx"},
                          {"Type", "type-1"},
                          {"Cpus", 8U},
                          {"Memory", 17179869184U},
                          {"Features", {"define", "pause"}},
                          {"PollIntervalUSec", 30000000U}};
    const auto text = hypervisor_text(hypervisor);
    for (const auto* line :
         {"Name: esx\n", "URI: esx://host/\n", "From: added by a call\n", "State: connected\n", "Type: type-1\n",
          "CPUs: 8\n", "Memory: 16 GiB\n", "Can: define, pause\n", "Events: none: looked at every 30 s\n"})
        EXPECT_NE(text.find(line), std::string::npos) << line << text;
}

TEST(HypervisorText, SaysWhyItIsNotConnected) {
    const Json hypervisor{{"ConnectionState", "failed"}, {"ConnectionError", "refused\n\x1b[31m"}};
    EXPECT_EQ(connection_text(hypervisor), "failed: refused\n\\x1b[31m");
    EXPECT_EQ(connection_text({{"ConnectionState", "connecting"}}), "connecting");
}

TEST(HypervisorText, KnowsWhatItCanBeAskedFor) {
    const Json qemu{{"GuestTypes", {"full", "hybrid"}}, {"Features", {"define", "pools"}}};
    const Json lxc{{"GuestTypes", {"container"}}, {"Features", {"define", "run-commands"}}};
    const Json unknown = Json::object();
    EXPECT_TRUE(has_virtual_machines(qemu));
    EXPECT_FALSE(has_containers(qemu));
    EXPECT_TRUE(serves_pools(qemu));
    EXPECT_FALSE(has_virtual_machines(lxc));
    EXPECT_TRUE(has_containers(lxc));
    EXPECT_FALSE(serves_pools(lxc));
    EXPECT_FALSE(has_virtual_machines(unknown) || has_containers(unknown) || serves_pools(unknown));
    EXPECT_TRUE(is_home_of_networks({{"GuestTypes", {"full"}}, {"Features", {"networks"}}}));
    EXPECT_FALSE(is_home_of_networks({{"GuestTypes", {"container"}}, {"Features", {"networks"}}}));
    EXPECT_FALSE(is_home_of_networks(qemu) || is_home_of_networks(unknown));
}

TEST(SameLibvirt, HoldsForTheDriversOfOne) {
    EXPECT_TRUE(same_libvirt("qemu:///system", "lxc:///system"));
    EXPECT_TRUE(same_libvirt("qemu+ssh://lab.example/system", "lxc+ssh://lab.example/system"));
    EXPECT_FALSE(same_libvirt("qemu:///system", "qemu:///session"));
    EXPECT_FALSE(same_libvirt("qemu:///system", "lxc+ssh://lab.example/system"));
    EXPECT_FALSE(same_libvirt("qemu+ssh://lab.example/system", "lxc+ssh://other.example/system"));
    EXPECT_FALSE(same_libvirt("", ""));
    EXPECT_FALSE(same_libvirt("qemu", "lxc:///system"));
}

}  // namespace
}  // namespace virtbusctl
