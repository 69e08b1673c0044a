// SPDX-License-Identifier: LGPL-2.1-or-later
// A libvirtd that hangs, dies and comes back: what waits, what goes on, and what clients are told.
#include "support/private_libvirtd.h"
#include "virtbusd.h"

#include <gtest/gtest.h>

#include <chrono>

namespace virtbus::test {

namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr const char* machine_interface = "org.virtbus1.Machine";

}  // namespace

class OutageTest : public testing::Test {
protected:
    void start(int keepalive_interval) {
        virtbusd = std::make_unique<Virtbusd>(
            bus, std::map<std::string, std::string>{{"ill", ill.uri()}, {"well", well.uri()}}, keepalive_interval);
        client = std::make_unique<Client>(bus.address());
        ASSERT_TRUE(wait_until_connected(*client, "ill"));
        ASSERT_TRUE(wait_until_connected(*client, "well"));
        ill_machine = client->manager()->GetMachine("test", {{"hypervisor", "ill"}});
        well_machine = client->manager()->GetMachine("test", {{"hypervisor", "well"}});
        client->flush();
        client->signals.clear();
    }

    bool connected(const std::string& name) {
        return client->hypervisor("/org/virtbus1/hypervisor/" + name)->Connected();
    }

    bool resynced(const std::string& name) {
        return client->wait_until(
            [&] { return client->find("Resynced", "/org/virtbus1/hypervisor/" + name) != nullptr; });
    }

    PrivateBus bus;
    PrivateLibvirtd ill;
    PrivateLibvirtd well;
    std::unique_ptr<Virtbusd> virtbusd;
    std::unique_ptr<Client> client;
    std::string ill_machine;
    std::string well_machine;
};

TEST_F(OutageTest, AHungLibvirtdHoldsUpNobodyElse) {
    start(3);
    ill.freeze();
    const auto watchdog = virtbusd->told("WATCHDOG=1");
    const auto blocked = client->begin(ill_machine, machine_interface, "SetTitle", std::string("never"), VariantMap());

    // Reads are served from the mirror, and another hypervisor's machines from their own connections.
    EXPECT_EQ(client->machine(ill_machine)->State(), "running");
    EXPECT_GE(client->manager()->GetManagedObjects().size(), 4U);
    client->machine(well_machine)->Pause({});
    EXPECT_EQ(client->machine(well_machine)->State(), "paused");
    client->flush();
    EXPECT_EQ(blocked->count, 0) << "all this took as long as keepalive does";

    // Keepalive, 3 s × 3, gives up.
    ASSERT_TRUE(client->wait_until([&] { return blocked->count == 1; }));
    EXPECT_EQ(blocked->failure.name, "org.virtbus1.Error.Disconnected") << blocked->failure;
    EXPECT_TRUE(client->wait_until([&] { return !connected("ill"); }));
    EXPECT_TRUE(connected("well"));
    EXPECT_GE(virtbusd->told("WATCHDOG=1") - watchdog, 4);  // one each half second

    // The object stays, and calls on it fail without waiting for a connection.
    const auto away = Clock::now();
    EXPECT_EQ(client->machine(ill_machine)->State(), "running");
    const auto failure = failure_of([&] { client->machine(ill_machine)->Pause({}); });
    EXPECT_EQ(failure.name, "org.virtbus1.Error.Disconnected") << failure;
    EXPECT_LT(Clock::now() - away, 5s);

    ill.thaw();
    EXPECT_TRUE(client->wait_until([&] { return connected("ill"); }));
    EXPECT_TRUE(resynced("ill"));
    client->machine(ill_machine)->Pause({});
    EXPECT_EQ(client->machine(ill_machine)->State(), "paused");
    EXPECT_EQ(virtbusd->terminate(), 0);
}

TEST_F(OutageTest, TwentyFiveSecondsAreNoLimit) {
    start(60);
    client->connection().setMethodCallTimeout(120'000'000);
    ill.freeze();
    const auto frozen = Clock::now();
    const auto slow = client->begin(ill_machine, machine_interface, "SetTitle", std::string("late"), VariantMap());
    while (Clock::now() - frozen < 27s) {
        EXPECT_EQ(client->machine(ill_machine)->Title(), "");
        std::this_thread::sleep_for(1s);
    }
    EXPECT_EQ(slow->count, 0);
    ill.thaw();
    ASSERT_TRUE(client->wait_until([&] { return slow->count == 1; }));
    EXPECT_EQ(slow->failure.name, "") << slow->failure;
    EXPECT_EQ(client->machine(ill_machine)->Title(), "late");
}

TEST_F(OutageTest, AfterADeathEveryDifferenceIsTold) {
    start(1);
    // The test driver forgets everything with its daemon: what differs afterwards is a machine and a state.
    ill.virsh({"suspend", "test"});
    const auto other = client->hypervisor("/org/virtbus1/hypervisor/ill")
                           ->DefineXml(
                               "<domain type='test'><name>short-lived</name><memory>8192</memory>"
                               "<os><type>hvm</type></os></domain>",
                               {});
    ASSERT_TRUE(client->wait_until([&] { return client->machine(ill_machine)->State() == "paused"; }));
    client->flush();
    client->signals.clear();

    ill.kill();
    ASSERT_TRUE(client->wait_until([&] { return !connected("ill"); }));
    EXPECT_EQ(client->machine(other)->Name(), "short-lived");
    ill.restart();
    ASSERT_TRUE(resynced("ill"));
    EXPECT_EQ(client->machine(ill_machine)->State(), "running");
    EXPECT_NE(client->find("InterfacesRemoved", other), nullptr);

    // Resynced is the last word: every difference was told before.
    bool resync_seen = false;
    bool state_told = false;
    for (const auto& signal : client->signals) {
        resync_seen = resync_seen || signal.name == "Resynced";
        if (signal.path != ill_machine || signal.name != "PropertiesChanged" || !signal.changed.contains("State"))
            continue;
        state_told = true;
        EXPECT_FALSE(resync_seen);
        EXPECT_EQ(signal.changed.at("State").get<std::string>(), "running");
    }
    EXPECT_TRUE(state_told);
}

TEST_F(OutageTest, WhoCallsWhileItEndsHearsThatNobodyIsThere) {
    start(60);
    ill.freeze();
    const auto blocked = client->begin(ill_machine, machine_interface, "SetTitle", std::string("never"), VariantMap());
    client->flush();
    ::kill(virtbusd->pid(), SIGTERM);
    ASSERT_TRUE(client->wait_until([&] { return blocked->count == 1; })) << "it does not end yet, but answers";
    const auto failure = failure_of([&] { client->manager()->ListMachines({}); });
    EXPECT_EQ(failure.name, "org.freedesktop.DBus.Error.ServiceUnknown") << failure;
    EXPECT_EQ(virtbusd->terminate(), 0);
    ill.thaw();
}

TEST_F(OutageTest, ItEndsOnTimeWhileALibvirtdHangs) {
    start(60);
    ill.freeze();
    const auto blocked = client->begin(ill_machine, machine_interface, "SetTitle", std::string("never"), VariantMap());
    client->flush();
    const auto asked = Clock::now();
    EXPECT_EQ(virtbusd->terminate(), 0);
    EXPECT_LT(Clock::now() - asked, 5s);
    ASSERT_TRUE(client->wait_until([&] { return blocked->count == 1; }));
    EXPECT_NE(blocked->failure.name, "");
    ill.thaw();
}

}  // namespace virtbus::test
