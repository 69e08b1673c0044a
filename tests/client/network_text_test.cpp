// SPDX-License-Identifier: LGPL-2.1-or-later
#include "network_text.h"

#include <gtest/gtest.h>

namespace virtbusctl {

TEST(NetworkText, ShowsAllOfANetwork) {
    const auto network = Json::parse(R"({
        "Name": "lab", "Uuid": "6ba7b811-9dad-11d1-80b4-00c04fd430c8", "Hypervisor": "/org/virtbus1/hypervisor/qemu",
        "Active": true, "Forward": "nat", "Bridge": "lab0", "Domain": "", "Autostart": false, "Persistent": true,
        "Subnets": [{"address": "192.168.150.1", "prefix": 24,
                     "dhcp": [["192.168.150.2", "192.168.150.99"], ["192.168.150.120", "192.168.150.130"]]},
                    {"address": "fd00::1", "prefix": 64, "dhcp": []}]})");
    EXPECT_EQ(network_text(network),
              "      Name: lab\n"
              "      UUID: 6ba7b811-9dad-11d1-80b4-00c04fd430c8\n"
              "Hypervisor: qemu\n"
              "    Active: yes\n"
              "   Forward: nat\n"
              "    Bridge: lab0\n"
              "   Subnets: 192.168.150.1/24, DHCP from 192.168.150.2 to 192.168.150.99, DHCP from 192.168.150.120 to "
              "192.168.150.130\n"
              "            fd00::1/64\n"
              " Autostart: no\n"
              "Persistent: yes\n");
}

TEST(AddressText, SaysWhoHasFoundIt) {
    EXPECT_EQ(address_text({{"address", "192.168.150.15"},
                            {"mac", "52:54:00:00:00:01"},
                            {"prefix", 24U},
                            {"sources", {"lease", "agent"}},
                            {"device", "eth0"}}),
              "192.168.150.15/24 on 52:54:00:00:00:01 (lease, agent: eth0)");
    EXPECT_EQ(address_text({{"address", "fe80::1"}, {"sources", {"arp"}}}), "fe80::1 (arp)");
}

TEST(AddressText, HasNothingInItThatDrivesATerminal) {
    const auto text = address_text({{"address", "10.0.0.1"}, {"sources", {"agent"}}, {"device", "e\x1b[2Jth\n0"}});
    EXPECT_EQ(text.find('\x1b'), std::string::npos);
    EXPECT_EQ(text.find('\n'), std::string::npos);
}

}  // namespace virtbusctl
