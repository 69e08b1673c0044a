// SPDX-License-Identifier: LGPL-2.1-or-later
// The addresses of a machine: what several sources say becomes one list, and the mirror shows what was found last.
#include "model/machine_addresses.h"
#include "unit/hypervisor_fixture.h"

namespace virtbus::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const std::string own_mac = "52:54:00:00:00:01";
const std::string other_mac = "02:42:ac:11:00:02";

Address address(const std::string& text, AddressSource source, const std::string& mac = own_mac, unsigned prefix = 0,
                const std::string& device = "") {
    return {mac, IpAddress::parse(text).value(), prefix, {source}, device};
}

std::vector<std::string> texts(const std::vector<Address>& addresses) {
    std::vector<std::string> texts;
    for (const auto& each : addresses) texts.push_back(each.address.text());
    return texts;
}

std::vector<Interface> interfaces() {
    return {{.mac = own_mac, .type = "network", .model = "", .network = "default", .bridge = "", .target = ""},
            {.mac = "52:54:00:00:00:02", .type = "bridge", .model = "", .network = "", .bridge = "br0", .target = ""}};
}

TEST(MergedAddresses, SayWhoHasFoundThem) {
    const auto found = merged(
        {address("192.168.122.15", AddressSource::lease, own_mac, 24), address("192.168.122.15", AddressSource::arp),
         address("192.168.122.15", AddressSource::agent, own_mac, 24, "eth0")},
        interfaces());
    ASSERT_EQ(found.size(), 1U);
    EXPECT_THAT(found[0].sources, ElementsAre(AddressSource::lease, AddressSource::arp, AddressSource::agent));
    EXPECT_EQ(found[0].prefix, 24U);
    EXPECT_EQ(found[0].device, "eth0");
}

TEST(MergedAddresses, KnowThePrefixFromWhoeverKnowsIt) {
    EXPECT_EQ(merged({address("10.0.0.5", AddressSource::arp), address("10.0.0.5", AddressSource::agent, own_mac, 8)},
                     interfaces())[0]
                  .prefix,
              8U);
}

TEST(MergedAddresses, OfTwoInterfacesAreTwo) {
    EXPECT_EQ(merged({address("10.0.0.5", AddressSource::arp), address("10.0.0.5", AddressSource::agent, other_mac)},
                     interfaces())
                  .size(),
              2U);
}

TEST(MergedAddresses, BeginWithTheBest) {
    const auto agent = AddressSource::agent;
    const auto found =
        merged({address("172.17.0.1", agent, other_mac), address("fe80::1", agent), address("fd00::1", agent),
                address("10.0.0.9", agent), address("10.1.0.1", agent, "52:54:00:00:00:02"),
                address("169.254.0.7", agent), address("127.0.0.1", agent, ""), address("::1", agent, ""),
                address("0.0.0.0", agent), address("10.0.0.10", agent)},
               interfaces());
    EXPECT_THAT(texts(found),
                ElementsAre("10.0.0.9", "10.0.0.10", "fd00::1", "10.1.0.1", "169.254.0.7", "fe80::1", "172.17.0.1"));
}

TEST(CleanMac, IsLowerCaseOrNothing) {
    EXPECT_EQ(clean_mac("52:54:00:AB:cd:EF"), "52:54:00:ab:cd:ef");
    for (const auto* text : {"", "52:54:00:ab:cd", "52-54-00-ab-cd-ef", "52:54:00:ab:cd:eg", "52:54:00:ab:cd:ef:01"})
        EXPECT_EQ(clean_mac(text), "") << text;
}

class AddressesTest : public HypervisorTest {
protected:
    AddressesTest() {
        fake->add(make_machine("web", 1, MachineState::running));
        fake->edit(web, [](Machine& machine) { machine.agent = AgentState::connected; });
        fake->set_addresses(AddressSource::lease,
                            std::vector{address("192.168.122.15", AddressSource::lease, own_mac, 24)});
        fake->set_addresses(AddressSource::arp, std::vector{address("192.168.122.15", AddressSource::arp)});
        fake->set_addresses(AddressSource::agent,
                            std::vector{address("fd00::1", AddressSource::agent, own_mac, 64, "eth0")});
    }

    std::vector<Address> find(std::optional<AddressSource> only = {}) {
        return run(loop, find_addresses(hypervisor, mirrored(web), only));
    }
    Outcome failure(std::optional<AddressSource> only = {}) {
        return outcome_of([&] { find(only); });
    }
};

TEST_F(AddressesTest, AreAskedForAndShown) {
    connect();
    EXPECT_THAT(mirrored(web)->addresses, IsEmpty());
    EXPECT_EQ(mirrored(web)->addresses_found, 0U);
    EXPECT_THAT(texts(find()), ElementsAre("192.168.122.15", "fd00::1"));
    EXPECT_THAT(heard.lines, ElementsAre("changed web"));
    EXPECT_THAT(texts(mirrored(web)->addresses), ElementsAre("192.168.122.15", "fd00::1"));
    EXPECT_NE(mirrored(web)->addresses_found, 0U);
    EXPECT_EQ(fake->calls(PortCall::read_addresses), 3U);
}

TEST_F(AddressesTest, StayWhenTheMachineIsReadAgainAndGoWhenItStops) {
    connect();
    find();
    edit(web, [](Machine& machine) { machine.title = "new"; });
    EXPECT_EQ(mirrored(web)->addresses.size(), 2U);
    edit(web, [](Machine& machine) { machine.state = MachineState::shut_off; });
    EXPECT_THAT(mirrored(web)->addresses, IsEmpty());
    EXPECT_EQ(mirrored(web)->addresses_found, 0U);
}

TEST_F(AddressesTest, GoWhenItHasStoppedAlsoIfItRunsAgainByThen) {
    connect();
    find();
    fake->happen(web, "stopped", "destroyed");
    fake->happen(web, "started", "booted");
    await_line("web started booted");
    EXPECT_EQ(mirrored(web)->state, MachineState::running);
    EXPECT_THAT(mirrored(web)->addresses, IsEmpty());
}

TEST_F(AddressesTest, AreNotAskedOfAMachineThatIsOff) {
    connect();
    edit(web, [](Machine& machine) { machine.state = MachineState::shut_off; });
    EXPECT_TRUE(refuses(failure(), Code::invalid_state, "machine web is shut-off")) << failure();
    EXPECT_EQ(fake->calls(PortCall::read_addresses), 0U);
}

TEST_F(AddressesTest, AreNotAskedOfAnAgentThatIsNotConnected) {
    connect();
    edit(web, [](Machine& machine) { machine.agent = AgentState::disconnected; });
    EXPECT_THAT(texts(find()), ElementsAre("192.168.122.15"));
    EXPECT_EQ(fake->calls(PortCall::read_addresses), 2U);
    EXPECT_TRUE(refuses(failure(AddressSource::agent), Code::agent_unresponsive)) << failure(AddressSource::agent);
    EXPECT_EQ(fake->calls(PortCall::read_addresses), 2U);
}

TEST_F(AddressesTest, OfASourceThatFailsAreLeftOut) {
    fake->set_addresses(AddressSource::lease, Error(Code::not_supported, "no leases"));
    fake->set_addresses(AddressSource::agent, Error(Code::agent_unresponsive, "silence"));
    connect();
    EXPECT_THAT(texts(find()), ElementsAre("192.168.122.15"));
    EXPECT_TRUE(refuses(failure(AddressSource::lease), Code::not_supported, "no leases"));
}

TEST_F(AddressesTest, OfOneSourceLeaveWhatIsShownAlone) {
    connect();
    find();
    const auto shown = mirrored(web);
    EXPECT_THAT(texts(find(AddressSource::arp)), ElementsAre("192.168.122.15"));
    EXPECT_EQ(mirrored(web), shown);
}

TEST_F(AddressesTest, AreNotToBeHadWithoutAConnection) {
    connect();
    fake->fail(PortCall::read_addresses, Error(Code::disconnected, "gone"));
    EXPECT_TRUE(refuses(failure(), Code::disconnected)) << "it is no answer that there are none";
}

TEST_F(AddressesTest, OfASilentAgentKeepNobodyElseWaiting) {
    connect();
    fake->block(Lane::agent);
    const auto asking = begin(loop, [](std::shared_ptr<Hypervisor> on, MachinePtr machine) -> Task<> {
        co_await find_addresses(on, machine, std::nullopt);
    }(hypervisor, mirrored(web)));
    ASSERT_TRUE(turn_until(loop, [&] { return fake->calls(PortCall::read_addresses) == 3; }));
    EXPECT_FALSE(call(Lane::query).failed);
    EXPECT_FALSE(asking->done);
    fake->release(Lane::agent);
    ASSERT_TRUE(turn_until(loop, [&] { return asking->done; }));
}

}  // namespace
}  // namespace virtbus::test
