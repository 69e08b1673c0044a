// SPDX-License-Identifier: LGPL-2.1-or-later
// Networks on the bus: what they show, how they come and go, what can be done with them; and machines' addresses.
#include "bus_fixture.h"

#include <org.virtbus1.Network_proxy.h>

namespace virtbus::test {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Key;
using testing::Not;
using testing::StartsWith;

using Range = sdbus::Struct<std::string, std::string>;

class NetworksTest : public BusTest {
protected:
    explicit NetworksTest(PrivateBus::Policy policy = PrivateBus::Policy::session) : BusTest(policy) {
        auto network = make_network("default");
        network.domain = "lab.example";
        truth().add(network);
        put_machine_on("elsewhere");
    }

    FakeNetworks& truth() { return first->networks(); }
    std::unique_ptr<proxies::Proxy<org::virtbus1::Network_proxy>> network(const std::string& at) {
        return std::make_unique<proxies::Proxy<org::virtbus1::Network_proxy>>(client.connection(), bus::bus_name, at);
    }
    std::string create(const VariantMap& spec) { return client.hypervisor(first_path)->CreateNetwork(spec); }
    Failure failure_to_create(VariantMap spec) {
        spec.emplace("name", sdbus::Variant("lab"));
        return failure_of([&] { create(spec); });
    }
    void expect_error(const Failure& failure, const std::string& name, const std::string& part = "") {
        EXPECT_EQ(failure.name, "org.virtbus1.Error." + name) << failure;
        EXPECT_THAT(failure.message, HasSubstr(part));
    }
    void expect_invalid(const Failure& failure, const std::string& key) {
        EXPECT_EQ(failure.name, "org.freedesktop.DBus.Error.InvalidArgs") << failure;
        EXPECT_THAT(failure.message, StartsWith(key + ":"));
    }
    void put_machine_on(const std::string& name) {
        first->edit(web, [&](Machine& machine) { machine.interfaces.at(0).network = name; });
    }

    const std::string path = bus::network_path("first", "default");
    const VariantMap force{{"force", sdbus::Variant(true)}};
};

TEST_F(NetworksTest, AreThereWithAllTheirProperties) {
    serve();
    const auto objects = client.manager()->GetManagedObjects();
    ASSERT_THAT(objects, Contains(Key(path)));
    const auto& properties = objects.at(path).at("org.virtbus1.Network");
    EXPECT_EQ(properties.size(), 10U);
    EXPECT_EQ(properties.at("Name").get<std::string>(), "default");
    EXPECT_EQ(properties.at("Hypervisor").get<sdbus::ObjectPath>(), first_path);
    EXPECT_EQ(properties.at("Uuid").get<std::string>(), truth().network("default")->uuid.text());
    EXPECT_EQ(properties.at("Active").get<bool>(), true);
    EXPECT_EQ(properties.at("Persistent").get<bool>(), true);
    EXPECT_EQ(properties.at("Autostart").get<bool>(), false);
    EXPECT_EQ(properties.at("Forward").get<std::string>(), "nat");
    EXPECT_EQ(properties.at("Bridge").get<std::string>(), "virbr0");
    EXPECT_EQ(properties.at("Domain").get<std::string>(), "lab.example");
    const auto subnets = properties.at("Subnets").get<std::vector<VariantMap>>();
    ASSERT_EQ(subnets.size(), 1U);
    EXPECT_EQ(subnets[0].at("address").get<std::string>(), "192.168.122.1");
    EXPECT_EQ(subnets[0].at("prefix").get<std::uint32_t>(), 24U);
    EXPECT_THAT(subnets[0].at("dhcp").get<std::vector<Range>>(),
                ElementsAre(Range{"192.168.122.2", "192.168.122.254"}));
    EXPECT_THAT(client.hypervisor(first_path)->Networks(), ElementsAre(path));
    EXPECT_THAT(client.hypervisor(second_path)->Networks(), IsEmpty());
}

TEST_F(NetworksTest, AreAddedChangedAndRemoved) {
    serve();
    truth().add(make_network("a/b"));
    first->touch_networks();
    const std::string strange = bus::network_path("first", "a/b");
    ASSERT_TRUE(client.wait_for("InterfacesAdded", strange));
    ASSERT_TRUE(client.wait_for("PropertiesChanged", "org.virtbus1.Hypervisor"));
    EXPECT_THAT(client.hypervisor(first_path)->Networks(), ElementsAre(strange, path));
    auto changed = truth().network("a/b").value();
    changed.active = false;
    changed.autostart = true;
    truth().add(changed);
    first->touch_networks();
    ASSERT_TRUE(client.wait_for("PropertiesChanged", "org.virtbus1.Network"));
    EXPECT_THAT(client.find("PropertiesChanged", "org.virtbus1.Network")->changed_names(),
                ElementsAre("Active", "Autostart"));
    truth().erase("a/b");
    first->touch_networks();
    ASSERT_TRUE(client.wait_for("InterfacesRemoved", strange));
    EXPECT_THAT(client.manager()->GetManagedObjects(), Not(Contains(Key(strange))));
}

TEST_F(NetworksTest, AreStoppedAndStarted) {
    serve();
    network(path)->Stop({});
    EXPECT_FALSE(network(path)->Active()) << "it shows when the reply arrives";
    expect_error(failure_of([&] { network(path)->Stop({}); }), "InvalidState");
    network(path)->Start({});
    EXPECT_TRUE(network(path)->Active());
    expect_error(failure_of([&] { network(path)->Start({}); }), "InvalidState");
    network(path)->SetAutostart(true, {});
    EXPECT_TRUE(network(path)->Autostart());
}

TEST_F(NetworksTest, AreDeleted) {
    serve();
    truth().add(make_network("lab"));
    first->touch_networks();
    const std::string lab = bus::network_path("first", "lab");
    ASSERT_TRUE(client.wait_for("InterfacesAdded", lab));
    network(lab)->Delete({});
    ASSERT_TRUE(client.wait_for("InterfacesRemoved", lab));
    EXPECT_EQ(truth().network("lab"), std::nullopt);
}

TEST_F(NetworksTest, AreNotTakenFromRunningMachinesUnlessThatIsMeant) {
    put_machine_on("default");
    serve();
    expect_error(failure_of([&] { network(path)->Stop({}); }), "InUse", "machine web is running on network default");
    expect_error(failure_of([&] { network(path)->Delete({}); }), "InUse", "machine web");
    EXPECT_TRUE(network(path)->Active());
    network(path)->Stop(force);
    EXPECT_FALSE(network(path)->Active());
    network(path)->Delete(force);
    EXPECT_EQ(truth().network("default"), std::nullopt);
}

TEST_F(NetworksTest, AreCreated) {
    serve();
    const auto made = create({{"name", sdbus::Variant("my lab")},
                              {"forward", sdbus::Variant("isolated")},
                              {"bridge", sdbus::Variant("lab0")},
                              {"subnet", sdbus::Variant("10.20.0.254/24")},
                              {"dhcp_range", sdbus::Variant(Range{"10.20.0.10", "10.20.0.20"})},
                              {"domain", sdbus::Variant("lab")},
                              {"autostart", sdbus::Variant(true)},
                              {"start", sdbus::Variant(true)}});
    EXPECT_EQ(made, bus::network_path("first", "my lab"));
    EXPECT_EQ(network(made)->Forward(), "isolated") << "it is there when the reply arrives";
    EXPECT_EQ(network(made)->Bridge(), "lab0");
    EXPECT_EQ(network(made)->Domain(), "lab");
    EXPECT_TRUE(network(made)->Active());
    EXPECT_TRUE(network(made)->Autostart());
    const auto subnet = network(made)->Subnets().at(0);
    EXPECT_EQ(subnet.at("address").get<std::string>(), "10.20.0.254");
    EXPECT_THAT(subnet.at("dhcp").get<std::vector<Range>>(), ElementsAre(Range{"10.20.0.10", "10.20.0.20"}));
}

TEST_F(NetworksTest, AreCreatedWithDefaults) {
    serve();
    const auto made = create({{"name", sdbus::Variant("lab")}, {"subnet", sdbus::Variant("10.20.0.0/24")}});
    EXPECT_EQ(network(made)->Forward(), "nat");
    EXPECT_FALSE(network(made)->Active());
    EXPECT_FALSE(network(made)->Autostart());
    EXPECT_THAT(network(made)->Subnets().at(0).at("dhcp").get<std::vector<Range>>(),
                ElementsAre(Range{"10.20.0.2", "10.20.0.254"}));
    const auto silent = create({{"name", sdbus::Variant("silent")},
                                {"subnet", sdbus::Variant("10.21.0.0/24")},
                                {"dhcp", sdbus::Variant(false)}});
    EXPECT_THAT(network(silent)->Subnets().at(0).at("dhcp").get<std::vector<Range>>(), IsEmpty());
}

TEST_F(NetworksTest, AreCreatedOnlyAsTheyMayBe) {
    serve();
    const sdbus::Variant subnet("10.20.0.0/24");
    expect_invalid(failure_of([&] { create({}); }), "name");
    expect_invalid(failure_of([&] { create({{"name", sdbus::Variant("a/b")}, {"subnet", subnet}}); }), "name");
    expect_invalid(failure_to_create({}), "subnet");
    expect_invalid(failure_to_create({{"subnet", sdbus::Variant("10.20.0.0")}}), "subnet");
    expect_invalid(failure_to_create({{"forward", sdbus::Variant("none")}, {"subnet", subnet}}), "forward");
    expect_invalid(failure_to_create({{"forward", sdbus::Variant("bridge")}}), "bridge");
    expect_invalid(failure_to_create({{"dhcp", sdbus::Variant("yes")}, {"subnet", subnet}}), "dhcp");
    expect_invalid(failure_to_create({{"forward", sdbus::Variant("isolated")}, {"dhcp", sdbus::Variant(true)}}),
                   "dhcp");
    expect_invalid(failure_to_create({{"subnet", subnet}, {"dhcp_range", sdbus::Variant(Range{"10.20.0.9", "web"})}}),
                   "dhcp_range");
    expect_invalid(failure_to_create({{"subnet", subnet},
                                      {"dhcp", sdbus::Variant(false)},
                                      {"dhcp_range", sdbus::Variant(Range{"10.20.0.9", "10.20.0.19"})}}),
                   "dhcp_range");
    expect_invalid(failure_to_create({{"subnet", subnet}, {"domain", sdbus::Variant("a b")}}), "domain");
    expect_invalid(failure_to_create({{"subnet", subnet}, {"typo", sdbus::Variant(1)}}), "typo");
    EXPECT_EQ(client.manager()->ListNetworks({}).size(), 1U);
}

TEST_F(NetworksTest, DoNotTakeWhatAnotherHas) {
    serve();
    expect_error(failure_of([&] {
                     create({{"name", sdbus::Variant("default")}, {"subnet", sdbus::Variant("10.20.0.0/24")}});
                 }),
                 "AlreadyExists");
    expect_error(failure_to_create({{"subnet", sdbus::Variant("192.168.122.128/25")}}), "InUse", "network default");
    expect_error(failure_to_create({{"subnet", sdbus::Variant("10.20.0.0/24")}, {"bridge", sdbus::Variant("virbr0")}}),
                 "InUse", "network default");
}

TEST_F(NetworksTest, DoNotTakeWhatAnotherHasThatDoesNotShowYet) {
    serve();
    truth().add(make_network("new", "10.1.0.1/24"));
    expect_error(failure_to_create({{"subnet", sdbus::Variant("10.1.0.0/24")}}), "InUse", "network new");
    EXPECT_EQ(truth().network("lab"), std::nullopt);
}

TEST_F(NetworksTest, TellTheirLeases) {
    truth().set_leases(
        {{"52:54:00:00:00:01", "192.168.122.15", 24, "web", 1'700'000'000'000'000, "01:52:54:00:00:00:01"}});
    serve();
    const auto leases = network(path)->GetLeases();
    ASSERT_EQ(leases.size(), 1U);
    EXPECT_EQ(leases[0],
              (sdbus::Struct<std::string, std::string, std::uint32_t, std::string, std::uint64_t, std::string>{
                  "52:54:00:00:00:01", "192.168.122.15", 24, "web", 1'700'000'000'000'000, "01:52:54:00:00:00:01"}));
    EXPECT_THAT(network(path)->GetXml({}), HasSubstr("<network><name>default"));
    EXPECT_THAT(network(path)->GetXml({{"inactive", sdbus::Variant(true)}}), HasSubstr("inactive='yes'"));
}

TEST_F(NetworksTest, AreListedByHypervisorAndName) {
    second->networks().add(make_network("alone"));
    truth().add(make_network("another", "10.0.0.1/8"));
    serve();
    ASSERT_TRUE(client.wait_until([&] { return client.manager()->ListNetworks({}).size() == 3; }));
    const auto rows = client.manager()->ListNetworks({});
    EXPECT_EQ(rows[0].get<1>(), "another");
    EXPECT_EQ(rows[2].get<1>(), "alone");
    using Row = sdbus::Struct<sdbus::ObjectPath, std::string, std::string, std::string, std::string, bool, bool,
                              std::vector<std::string>>;
    EXPECT_EQ(rows[1], (Row{path, "default", "first", "nat", "virbr0", true, false, {"192.168.122.0/24"}}));
    EXPECT_EQ(client.manager()->ListNetworks({{"hypervisor", sdbus::Variant("second")}}).size(), 1U);
    expect_error(failure_of([&] {
                     client.manager()->ListNetworks({{"hypervisor", sdbus::Variant("third")}});
                 }),
                 "NoSuchHypervisor");
    expect_invalid(failure_of([&] { client.manager()->ListNetworks({{"typo", sdbus::Variant(1)}}); }), "typo");
}

TEST_F(NetworksTest, TakeNoOptionsTheyDoNotKnow) {
    serve();
    const VariantMap typo{{"typo", sdbus::Variant(true)}};
    expect_invalid(failure_of([&] { network(path)->Start(typo); }), "typo");
    expect_invalid(failure_of([&] { network(path)->Start(force); }), "force");
    expect_invalid(failure_of([&] { network(path)->Stop(typo); }), "typo");
    expect_invalid(failure_of([&] { network(path)->Delete(typo); }), "typo");
    expect_invalid(failure_of([&] { network(path)->SetAutostart(true, typo); }), "typo");
    expect_invalid(failure_of([&] { network(path)->GetXml(typo); }), "typo");
    expect_invalid(failure_of([&] { network(path)->Stop({{"force", sdbus::Variant(1)}}); }), "force");
    EXPECT_TRUE(network(path)->Active());
}

class AddressesTest : public NetworksTest {
protected:
    AddressesTest() {
        const auto found = [](const std::string& text, AddressSource source, unsigned prefix) {
            return std::vector<Address>{{"52:54:00:00:00:01", IpAddress::parse(text).value(), prefix, {source}, ""}};
        };
        first->set_addresses(AddressSource::lease, found("192.168.122.15", AddressSource::lease, 24));
        first->set_addresses(AddressSource::arp, found("192.168.122.15", AddressSource::arp, 0));
    }
    Failure failure(const std::string& machine, const VariantMap& options = {}) {
        return failure_of([&] { client.machine(machine)->GetAddresses(options); });
    }
};

TEST_F(AddressesTest, AreFoundWhenTheyAreAskedForAndShownFromThenOn) {
    serve();
    EXPECT_THAT(client.machine(web_path)->Addresses(), IsEmpty());
    EXPECT_EQ(client.machine(web_path)->AddressesUSec(), 0U);
    const auto before = first->calls();
    client.manager()->GetManagedObjects();
    EXPECT_EQ(first->calls(), before) << "who reads properties asks nobody";
    const auto found = client.machine(web_path)->GetAddresses({});
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].at("address").get<std::string>(), "192.168.122.15");
    EXPECT_EQ(found[0].at("mac").get<std::string>(), "52:54:00:00:00:01");
    EXPECT_EQ(found[0].at("prefix").get<std::uint32_t>(), 24U);
    EXPECT_THAT(found[0].at("sources").get<std::vector<std::string>>(), ElementsAre("lease", "arp"));
    EXPECT_EQ(found[0].count("device"), 0U);
    ASSERT_TRUE(client.wait_for("PropertiesChanged", "org.virtbus1.Machine"));
    EXPECT_THAT(client.find("PropertiesChanged", "org.virtbus1.Machine")->changed_names(),
                ElementsAre("Addresses", "AddressesUSec"));
    EXPECT_EQ(client.machine(web_path)->Addresses().size(), 1U);
    EXPECT_NE(client.machine(web_path)->AddressesUSec(), 0U);
}

TEST_F(AddressesTest, AreThoseOfARunningMachine) {
    serve();
    expect_error(failure(database_path), "InvalidState", "does not run");
    client.machine(web_path)->GetAddresses({});
    client.machine(web_path)->PowerOff({});
    EXPECT_THAT(client.machine(web_path)->Addresses(), IsEmpty());
}

TEST_F(AddressesTest, CanBeAskedOfOneSource) {
    serve();
    const auto found = client.machine(web_path)->GetAddresses({{"source", sdbus::Variant("arp")}});
    EXPECT_THAT(found.at(0).at("sources").get<std::vector<std::string>>(), ElementsAre("arp"));
    EXPECT_THAT(client.machine(web_path)->Addresses(), IsEmpty());
    expect_error(failure(web_path, {{"source", sdbus::Variant("agent")}}), "AgentUnresponsive");
    expect_invalid(failure(web_path, {{"source", sdbus::Variant("dns")}}), "source");
    expect_invalid(failure(web_path, {{"typo", sdbus::Variant("arp")}}), "typo");
}

class NetworkAccessTest : public NetworksTest {
protected:
    NetworkAccessTest() : NetworksTest(PrivateBus::Policy::system) {}

    void SetUp() override {
        if (::geteuid() != 0) GTEST_SKIP() << "only root can become somebody else";
    }
};

TEST_F(NetworkAccessTest, EverybodyMaySeeThemAndOnlyRootMayDoTheRest) {
    serve(bus::BusType::system);
    const std::string interface = "org.virtbus1.Network";
    const std::string denied = "org.freedesktop.DBus.Error.AccessDenied";
    EXPECT_EQ(as_nobody("/org/virtbus1", "org.virtbus1.Manager", "ListNetworks", "{}"), "ok");
    EXPECT_EQ(as_nobody(path, "org.freedesktop.DBus.Properties", "GetAll", interface), "ok");
    for (const auto* method : {"Start", "Stop", "Delete", "GetXml"})
        EXPECT_EQ(as_nobody(path, interface, method, "{}"), denied) << method;
    EXPECT_EQ(as_nobody(path, interface, "GetLeases"), denied);
    EXPECT_EQ(as_nobody(web_path, "org.virtbus1.Machine", "GetAddresses", "{}"), denied);
    EXPECT_EQ(as_nobody(first_path, "org.virtbus1.Hypervisor", "CreateNetwork", "{}"), denied);
    EXPECT_NE(truth().network("default"), std::nullopt);
}

}  // namespace
}  // namespace virtbus::test
