// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libvirt/network_reader.h"

#include "base/utf8.h"
#include "support/errors.h"

#include <gtest/gtest.h>

namespace virtbus::test {

namespace {

Network read_with(const std::string& content) {
    return read_network_xml("<network><name>lab</name><uuid>6ba7b811-9dad-11d1-80b4-00c04fd430c8</uuid>" + content +
                            "</network>");
}

TEST(NetworkReader, ReadsAllOfANetwork) {
    const auto network = read_with(
        "<forward mode='route' dev='eth0'><interface dev='eth0'/></forward>"
        "<bridge name='virbr5' stp='on' delay='0'/><domain name='lab.example' localOnly='yes'/>"
        "<ip address='10.0.0.1' netmask='255.255.252.0'><dhcp>"
        "<range start='10.0.1.1' end='10.0.1.9'><lease expiry='1' unit='hours'/></range>"
        "<range start='10.0.2.1' end='10.0.2.9'/><host mac='52:54:00:00:00:01' ip='10.0.0.9'/>"
        "</dhcp></ip><ip family='ipv6' address='fd00::1' prefix='64'/>");
    EXPECT_EQ(network.name, "lab");
    EXPECT_EQ(network.uuid.text(), "6ba7b811-9dad-11d1-80b4-00c04fd430c8");
    EXPECT_EQ(network.forward, "route");
    EXPECT_EQ(network.bridge, "virbr5");
    EXPECT_EQ(network.domain, "lab.example");
    ASSERT_EQ(network.subnets.size(), 2U);
    EXPECT_EQ(network.subnets[0].host, IpSubnet::parse("10.0.0.1/22"));
    ASSERT_EQ(network.subnets[0].dhcp.size(), 2U);
    EXPECT_EQ(network.subnets[0].dhcp[1].first.text(), "10.0.2.1");
    EXPECT_EQ(network.subnets[1].host, IpSubnet::parse("fd00::1/64"));
    EXPECT_TRUE(network.subnets[1].dhcp.empty());
}

TEST(NetworkReader, CallsTheKindsAsTheFieldDoes) {
    EXPECT_EQ(read_with("").forward, "isolated");
    EXPECT_EQ(read_with("<forward/>").forward, "nat");
    for (const std::string mode : {"nat", "route", "open", "bridge", "private", "vepa", "passthrough", "hostdev"})
        EXPECT_EQ(read_with("<forward mode='" + mode + "'/>").forward, mode);
}

TEST(NetworkReader, CountsWhoIsOnIt) {
    EXPECT_EQ(connections_in("<network connections='3'/>"), 3U);
    for (const auto* none : {"<network/>", "<network connections='x'/>", "<network connections='-1'/>"})
        EXPECT_EQ(connections_in(none), 0U) << none;
}

TEST(NetworkReader, ReadsWhatItHasWritten) {
    NetworkSpec spec;
    spec.name = "a<b>&'\"";
    spec.bridge = "lab0";
    spec.domain = "lab.example";
    spec.subnet = IpSubnet::parse("192.168.150.254/24");
    spec.dhcp = DhcpRange{*IpAddress::parse("192.168.150.7"), *IpAddress::parse("192.168.150.9")};
    auto xml = network_xml_of(spec);
    xml.replace(xml.find("</name>"), 7, "</name><uuid>6ba7b811-9dad-11d1-80b4-00c04fd430c8</uuid>");
    const auto network = read_network_xml(xml);
    EXPECT_EQ(network.name, spec.name);
    EXPECT_EQ(network.forward, "nat");
    EXPECT_EQ(network.bridge, "lab0");
    EXPECT_EQ(network.domain, "lab.example");
    EXPECT_EQ(network.subnets, (std::vector<Subnet>{{*spec.subnet, {*spec.dhcp}}}));
    spec.forward = "isolated";
    EXPECT_EQ(network_xml_of(spec).find("<forward"), std::string::npos);
}

TEST(HostileNetworkXml, WhatIsNoNetworkIsRefused) {
    for (const std::string xml :
         {"", "network", "<network", "<domain/>", "<network/>", "<network><uuid>x</uuid></network>",
          "<!DOCTYPE network [<!ENTITY a 'a'>]><network/>"})
        EXPECT_TRUE(refuses(outcome_of([&] { read_network_xml(xml); }), Code::invalid_xml)) << xml;
}

TEST(HostileNetworkXml, WhatIsNoSubnetIsLeftOut) {
    const auto network = read_with(
        "<ip/><ip address='x' prefix='24'/><ip address='10.0.0.1'/>"
        "<ip address='10.0.0.1' prefix='99'/><ip address='10.0.0.1' prefix='-1'/>"
        "<ip address='10.0.0.1' netmask='web'/><ip address='10.9.0.1' prefix='16'>"
        "<dhcp><range start='x' end='y'/><range/></dhcp></ip>");
    ASSERT_EQ(network.subnets.size(), 1U);
    EXPECT_EQ(network.subnets[0].host.text(), "10.9.0.0/16");
    EXPECT_TRUE(network.subnets[0].dhcp.empty());
}

TEST(HostileNetworkXml, TextIsUtf8AndOfBoundedLengthAndNumber) {
    const auto network = read_with("<bridge name='a\xff'/><domain name='" + std::string(100'000, 'x') + "'/>");
    EXPECT_TRUE(is_utf8(network.bridge));
    EXPECT_LE(network.domain.size(), 4'096U);
    std::string many;
    for (int i = 0; i < 3'000; ++i) many += "<ip address='10.0.0.1' prefix='24'/>";
    EXPECT_EQ(read_with(many).subnets.size(), 1'000U);
}

}  // namespace

}  // namespace virtbus::test
