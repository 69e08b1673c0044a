// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/ip_address.h"

#include <gtest/gtest.h>

namespace virtbus::test {
namespace {

IpAddress ip(const std::string& text) { return IpAddress::parse(text).value(); }
IpSubnet net(const std::string& text) { return IpSubnet::parse(text).value(); }

TEST(IpAddress, IsReadAndWritten) {
    for (const auto* text : {"192.168.122.1", "0.0.0.0", "255.255.255.255", "fe80::1", "::", "2001:db8::a:1"})
        EXPECT_EQ(ip(text).text(), text);
    EXPECT_EQ(ip("2001:0DB8:0:0::1").text(), "2001:db8::1");
    EXPECT_EQ(IpAddress::ipv4(ip("10.1.2.3").number()), ip("10.1.2.3"));
}

TEST(IpAddress, IsNothingElse) {
    for (const auto* text :
         {"", "localhost", "1.2.3", "1.2.3.4.5", "256.1.1.1", "1.2.3.4 ", "fe80::1%eth0", "1.2.3.4/24"})
        EXPECT_FALSE(IpAddress::parse(text)) << text;
    EXPECT_FALSE(IpAddress::parse(std::string("1.2.3.4\0x", 9)));
}

TEST(IpAddress, SaysWhatItIsFor) {
    EXPECT_TRUE(ip("127.0.0.53").is_loopback());
    EXPECT_TRUE(ip("::1").is_loopback());
    EXPECT_FALSE(ip("128.0.0.1").is_loopback());
    EXPECT_TRUE(ip("169.254.9.9").is_link_local());
    EXPECT_TRUE(ip("fe80::1").is_link_local());
    EXPECT_TRUE(ip("febf::1").is_link_local());
    EXPECT_FALSE(ip("fec0::1").is_link_local());
    EXPECT_TRUE(ip("10.0.0.1").is_unicast());
    for (const auto* text : {"0.0.0.0", "224.0.0.1", "255.255.255.255", "::", "ff02::1"})
        EXPECT_FALSE(ip(text).is_unicast()) << text;
}

TEST(IpAddress, OfTheOldVersionComeFirst) {
    EXPECT_LT(ip("255.255.255.255"), ip("::"));
    EXPECT_LT(ip("10.0.0.2"), ip("10.0.0.10"));
}

TEST(IpSubnet, IsReadWithItsPrefix) {
    EXPECT_EQ(net("192.168.122.1/24").prefix, 24U);
    EXPECT_EQ(net("192.168.122.1/24").text(), "192.168.122.0/24");
    EXPECT_EQ(net("10.9.8.7/0").text(), "0.0.0.0/0");
    EXPECT_EQ(net("fd00::1/64").prefix, 64U);
    for (const auto* text : {"", "10.0.0.1", "10.0.0.1/", "10.0.0.1/33", "10.0.0.1/-1", "10.0.0.1/8x", "/8", "::1/129"})
        EXPECT_FALSE(IpSubnet::parse(text)) << text;
}

TEST(IpSubnet, KnowsWhoIsInIt) {
    EXPECT_TRUE(net("192.168.122.1/24").contains(ip("192.168.122.255")));
    EXPECT_FALSE(net("192.168.122.1/24").contains(ip("192.168.123.0")));
    EXPECT_TRUE(net("192.168.122.1/23").contains(ip("192.168.123.9")));
    EXPECT_FALSE(net("0.0.0.0/0").contains(ip("::1")));
    EXPECT_EQ(IpAddress::ipv4(net("192.168.150.9/30").network()).text(), "192.168.150.8");
    EXPECT_EQ(IpAddress::ipv4(net("192.168.150.9/30").broadcast()).text(), "192.168.150.11");
}

TEST(IpSubnet, OverlapsWhatIsInItAndWhatItIsIn) {
    EXPECT_TRUE(net("10.0.0.1/8").overlaps(net("10.200.0.1/24")));
    EXPECT_TRUE(net("10.200.0.1/24").overlaps(net("10.0.0.1/8")));
    EXPECT_FALSE(net("10.200.0.1/24").overlaps(net("10.200.1.1/24")));
    EXPECT_FALSE(net("10.200.0.1/24").overlaps(net("fd00::1/8")));
}

}  // namespace
}  // namespace virtbus::test
