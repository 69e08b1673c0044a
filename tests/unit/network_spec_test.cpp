// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/network_spec.h"

#include "support/errors.h"
#include "support/fake_networks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

namespace virtbus::test {
namespace {

IpAddress at(const std::string& text) { return IpAddress::parse(text).value(); }

NetworkSpec nat() {
    NetworkSpec spec;
    spec.name = "lab";
    spec.subnet = read_subnet("192.168.150.0/24");
    spec.dhcp = default_range(*spec.subnet);
    return spec;
}

Outcome validation(const std::function<void(NetworkSpec&)>& change) {
    auto spec = nat();
    change(spec);
    return outcome_of([&] { validate(spec); });
}

void expect_refused(const std::string& key, const std::function<void(NetworkSpec&)>& change) {
    const auto outcome = validation(change);
    EXPECT_TRUE(refuses(outcome, Code::invalid_args, key + ":")) << key << ": " << outcome;
}

Outcome conflict(const std::function<void(NetworkSpec&)>& change) {
    auto spec = nat();
    change(spec);
    const std::vector others{std::make_shared<const Network>(make_network("default", "192.168.122.1/24"))};
    return outcome_of([&] { refuse_conflicts(spec, others); });
}

TEST(NetworkSpec, GivesTheHostTheFirstAddressOrTheOneThatIsSaid) {
    EXPECT_EQ(read_subnet("192.168.150.0/24").address.text(), "192.168.150.1");
    EXPECT_EQ(read_subnet("192.168.150.254/24").address.text(), "192.168.150.254");
    EXPECT_EQ(read_subnet("10.20.0.0/16").address.text(), "10.20.0.1");
}

TEST(NetworkSpec, RefusesWhatIsNoSubnetForMachines) {
    for (const auto* text : {"", "192.168.150.0", "fd00::/64", "192.168.150.0/31", "10.0.0.0/8", "192.168.150.255/24",
                             "127.0.0.0/16", "224.0.0.0/24", "0.0.0.0/16", "web/24"})
        EXPECT_TRUE(refuses(outcome_of([&] { read_subnet(text); }), Code::invalid_args, "subnet:")) << text;
}

TEST(NetworkSpec, GivesAwayAllAddressesButTheHosts) {
    EXPECT_EQ(default_range(read_subnet("192.168.150.0/24")), (DhcpRange{at("192.168.150.2"), at("192.168.150.254")}));
    EXPECT_EQ(default_range(read_subnet("192.168.150.254/24")),
              (DhcpRange{at("192.168.150.1"), at("192.168.150.253")}));
    EXPECT_EQ(default_range(read_subnet("192.168.150.0/30")), (DhcpRange{at("192.168.150.2"), at("192.168.150.2")}));
}

TEST(NetworkSpec, TakesWhatMakesANetwork) {
    const std::vector<std::function<void(NetworkSpec&)>> good{
        [](auto&) {},
        [](auto& spec) { spec.forward = "route"; },
        [](auto& spec) { spec.forward = "isolated"; },
        [](auto& spec) {
            spec.forward = "isolated";
            spec.subnet.reset();
            spec.dhcp.reset();
        },
        [](auto& spec) {
            spec.forward = "bridge";
            spec.bridge = "br0";
            spec.subnet.reset();
            spec.dhcp.reset();
        },
        [](auto& spec) { spec.bridge = "virbr-lab_1.2"; },
        [](auto& spec) { spec.domain = "lab.example"; },
        [](auto& spec) {
            spec.dhcp = DhcpRange{at("192.168.150.100"), at("192.168.150.100")};
        },
    };
    for (const auto& change : good) EXPECT_FALSE(validation(change).failed) << validation(change);
}

TEST(NetworkSpec, NamesTheKeyThatIsWrong) {
    expect_refused("name", [](auto& spec) { spec.name = "a/b"; });
    expect_refused("forward", [](auto& spec) { spec.forward = "none"; });
    expect_refused("bridge", [](auto& spec) { spec.bridge = "sixteen-letters-"; });
    expect_refused("bridge", [](auto& spec) { spec.bridge = ".."; });
    expect_refused("bridge", [](auto& spec) { spec.bridge = "br 0"; });
    expect_refused("domain", [](auto& spec) { spec.domain = "a\naddn-hosts=/etc/shadow"; });
    expect_refused("subnet", [](auto& spec) {
        spec.subnet.reset();
        spec.dhcp.reset();
    });
    expect_refused("dhcp", [](auto& spec) { spec.subnet.reset(); });
    expect_refused("bridge", [](auto& spec) { spec.forward = "bridge"; });
    expect_refused("subnet", [](auto& spec) {
        spec.forward = "bridge";
        spec.bridge = "br0";
    });
    expect_refused("domain", [](auto& spec) {
        spec.forward = "bridge";
        spec.bridge = "br0";
        spec.domain = "lab";
        spec.subnet.reset();
        spec.dhcp.reset();
    });
}

TEST(NetworkSpec, RefusesARangeThatIsNone) {
    const auto range = [](const std::string& first, const std::string& last) {
        return [=](NetworkSpec& spec) { spec.dhcp = DhcpRange{at(first), at(last)}; };
    };
    expect_refused("dhcp_range", range("192.168.150.20", "192.168.150.10"));
    expect_refused("dhcp_range", range("192.168.151.20", "192.168.151.30"));
    expect_refused("dhcp_range", range("192.168.150.20", "192.168.151.30"));
    expect_refused("dhcp_range", range("192.168.150.0", "192.168.150.30"));
    expect_refused("dhcp_range", range("192.168.150.20", "192.168.150.255"));
    expect_refused("dhcp_range", range("192.168.150.1", "192.168.150.30"));
}

TEST(NetworkSpec, DoesNotTakeWhatAnotherHas) {
    EXPECT_FALSE(conflict([](auto&) {}).failed);
    EXPECT_TRUE(refuses(conflict([](auto& spec) { spec.name = "default"; }), Code::already_exists));
    EXPECT_TRUE(refuses(conflict([](auto& spec) { spec.subnet = read_subnet("192.168.0.0/16"); }), Code::in_use,
                        "subnet: 192.168.0.0/16 overlaps that of network default, 192.168.122.0/24"));
    EXPECT_TRUE(refuses(conflict([](auto& spec) { spec.bridge = "virbr0"; }), Code::in_use,
                        "bridge: virbr0 is that of network default"));
}

TEST(NetworkSpec, SharesABridgeOfTheHost) {
    auto other = make_network("office");
    other.forward = "bridge";
    other.bridge = "br0";
    other.subnets.clear();
    NetworkSpec spec;
    spec.name = "guests";
    spec.forward = "bridge";
    spec.bridge = "br0";
    EXPECT_NO_THROW(refuse_conflicts(spec, {std::make_shared<const Network>(other)}));
}

}  // namespace
}  // namespace virtbus::test
