// SPDX-License-Identifier: LGPL-2.1-or-later
// Networks of libvirt's test driver, which others change too; and the addresses that it makes up.
#include "libvirt_test.h"

#include <algorithm>
#include <memory>

namespace virtbus::test {

namespace {

/// libvirt's own network is "default"; what a test adds goes with the test.
class NetworksOfLibvirt : public testing::Test {
protected:
    static void SetUpTestSuite() { libvirtd_ = std::make_unique<PrivateLibvirtd>(); }
    static void TearDownTestSuite() { libvirtd_.reset(); }
    ~NetworksOfLibvirt() override {
        for (const auto& network : networks().list_networks())
            if (network.name != "default") networks().delete_network(network.name, false);
    }

    [[nodiscard]] Port& port() { return *port_; }
    [[nodiscard]] NetworkPort& networks() { return port_->networks(); }
    static void virsh(const std::vector<std::string>& arguments) { libvirtd_->virsh(arguments); }
    std::optional<Network> find(const std::string& name) {
        for (auto& network : networks().list_networks())
            if (network.name == name) return network;
        return std::nullopt;
    }
    bool hears() { return events_->wait_networks_touched(); }
    static NetworkSpec lab() {
        NetworkSpec spec;
        spec.name = "lab & <good>";
        spec.bridge = "lab0";
        spec.subnet = read_subnet("192.168.150.0/24");
        spec.dhcp = default_range(*spec.subnet);
        spec.domain = "lab.example";
        return spec;
    }

private:
    static inline std::unique_ptr<PrivateLibvirtd> libvirtd_;
    std::shared_ptr<RecordedEvents> events_ = std::make_shared<RecordedEvents>();
    std::unique_ptr<Port> port_ = LibvirtConnector(event_loop(), libvirtd_->uri()).connect(Lane::query, events_);
};

TEST_F(NetworksOfLibvirt, AreListedWithAllThatTheyAre) {
    const auto network = find("default");
    ASSERT_TRUE(network);
    EXPECT_TRUE(network->active);
    EXPECT_TRUE(network->persistent);
    EXPECT_FALSE(network->autostart);
    EXPECT_EQ(network->forward, "nat");
    EXPECT_EQ(network->bridge, "virbr0");
    ASSERT_EQ(network->subnets.size(), 1U);
    EXPECT_EQ(network->subnets[0].host.text(), "192.168.122.0/24");
    EXPECT_EQ(network->subnets[0].dhcp.at(0).last.text(), "192.168.122.254");
    EXPECT_EQ(find("nowhere"), std::nullopt);
}

TEST_F(NetworksOfLibvirt, AreMadeAsTheSpecSays) {
    networks().create_network(lab());
    EXPECT_TRUE(hears());
    const auto made = find(lab().name);
    ASSERT_TRUE(made);
    EXPECT_FALSE(made->active);
    EXPECT_FALSE(made->autostart);
    EXPECT_TRUE(made->persistent);
    EXPECT_EQ(made->forward, "nat");
    EXPECT_EQ(made->bridge, "lab0");
    EXPECT_EQ(made->domain, "lab.example");
    EXPECT_EQ(made->subnets, (std::vector<Subnet>{{*lab().subnet, {*lab().dhcp}}}));
    EXPECT_REFUSED(already_exists, networks().create_network(lab()));
}

TEST_F(NetworksOfLibvirt, AreMadeOfEveryKind) {
    for (const std::string forward : {"nat", "route", "isolated", "bridge"}) {
        auto spec = lab();
        spec.name = forward;
        spec.forward = forward;
        spec.start = spec.autostart = true;
        if (forward == "bridge") {
            spec.subnet.reset();
            spec.dhcp.reset();
            spec.domain.clear();
        }
        networks().create_network(spec);
        const auto made = find(forward);
        ASSERT_TRUE(made);
        EXPECT_EQ(made->forward, forward);
        EXPECT_TRUE(made->active);
        EXPECT_TRUE(made->autostart);
        networks().delete_network(forward, false);
    }
}

TEST_F(NetworksOfLibvirt, AreStartedStoppedAndDeleted) {
    const auto name = lab().name;
    networks().create_network(lab());
    networks().start_network(name);
    EXPECT_TRUE(find(name)->active);
    EXPECT_REFUSED(invalid_state, networks().start_network(name));
    networks().set_network_autostart(name, true);
    EXPECT_TRUE(find(name)->autostart);
    networks().stop_network(name, false);
    EXPECT_FALSE(find(name)->active);
    networks().start_network(name);
    networks().delete_network(name, false);
    EXPECT_EQ(find(name), std::nullopt);
}

TEST_F(NetworksOfLibvirt, TellWhatOthersDo) {
    networks().create_network(lab());
    EXPECT_TRUE(hears());
    virsh({"net-start", lab().name});
    EXPECT_TRUE(hears());
    EXPECT_TRUE(find(lab().name)->active);
    virsh({"net-destroy", lab().name});
    EXPECT_TRUE(hears());
    EXPECT_FALSE(find(lab().name)->active);
    virsh({"net-undefine", lab().name});
    EXPECT_TRUE(hears());
    EXPECT_EQ(find(lab().name), std::nullopt);
}

TEST_F(NetworksOfLibvirt, HaveXml) {
    networks().create_network(lab());
    EXPECT_NE(networks().network_xml(lab().name, false).find("<name>lab &amp; &lt;good&gt;</name>"), std::string::npos);
    // The test driver has but one.
    EXPECT_REFUSED(not_supported, networks().network_xml(lab().name, true));
}

TEST_F(NetworksOfLibvirt, SayWhichIsNotThere) {
    EXPECT_REFUSED(no_such_network, networks().start_network("nowhere"));
    EXPECT_REFUSED(no_such_network, networks().stop_network("nowhere", false));
    EXPECT_REFUSED(no_such_network, networks().delete_network("nowhere", false));
    EXPECT_REFUSED(no_such_network, networks().set_network_autostart("nowhere", true));
    EXPECT_REFUSED(no_such_network, networks().leases("nowhere"));
    EXPECT_REFUSED(no_such_network, networks().network_xml("nowhere", false));
}

TEST_F(NetworksOfLibvirt, HaveNoLeasesWhereTheDriverHasNone) {
    EXPECT_REFUSED(not_supported, networks().leases("default"));
}

TEST_F(NetworksOfLibvirt, KnowTheAddressesOfTheirMachines) {
    MachineSpec spec;
    spec.name = "web";
    spec.memory = std::uint64_t{64} << 20;
    spec.start = true;
    spec.interfaces = std::vector<InterfaceSpec>{{.type = "network", .network = "default", .mac = "52:54:00:AB:00:01"}};
    const auto web = port().create(spec);
    const auto found = port().read_addresses(web, AddressSource::lease);
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].mac, "52:54:00:ab:00:01");
    EXPECT_TRUE(IpSubnet::parse("192.168.122.1/24")->contains(found[0].address)) << found[0].address.text();
    EXPECT_EQ(found[0].sources, std::vector{AddressSource::lease});
    EXPECT_EQ(port().read_addresses(web, AddressSource::arp).at(0).prefix, 0U) << "the ARP table knows none";
    port().remove(web, true);
    EXPECT_REFUSED(no_such_machine, port().read_addresses(web, AddressSource::lease));
}

}  // namespace

}  // namespace virtbus::test
