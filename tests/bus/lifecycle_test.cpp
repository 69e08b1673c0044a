// SPDX-License-Identifier: LGPL-2.1-or-later
// What happens to machines is told at the Manager and at the Machine, numbered, and after the properties that changed.
#include "bus_fixture.h"

namespace virtbus::test {
namespace {

using testing::ElementsAre;

class LifecycleTest : public BusTest {
protected:
    std::vector<Signal> lifecycle(const std::string& path) {
        std::vector<Signal> found;
        for (const auto& signal : client.signals)
            if (signal.name == "Lifecycle" && signal.path == path) found.push_back(signal);
        return found;
    }
    std::size_t position(const std::string& name, const std::string& path) {
        for (std::size_t i = 0; i < client.signals.size(); ++i)
            if (client.signals[i].name == name && client.signals[i].path == path) return i;
        return SIZE_MAX;
    }
};

TEST_F(LifecycleTest, IsToldAtTheManagerAndAtTheMachineWithTheSameNumber) {
    serve();
    first->happen(web, "rebooted", "");
    ASSERT_TRUE(client.wait_until([&] { return client.count("Lifecycle") == 2; }));
    const auto at_manager = lifecycle("/org/virtbus1");
    const auto at_machine = lifecycle(web_path);
    ASSERT_EQ(at_manager.size(), 1U);
    ASSERT_EQ(at_machine.size(), 1U);
    EXPECT_EQ(at_manager[0].subject, web_path);
    EXPECT_THAT(at_manager[0].words, ElementsAre("rebooted", ""));
    EXPECT_THAT(at_machine[0].words, ElementsAre("rebooted", ""));
    EXPECT_EQ(at_manager[0].sequence, at_machine[0].sequence);
    EXPECT_EQ(client.manager()->Sequence(), at_manager[0].sequence);
}

TEST_F(LifecycleTest, FollowsThePropertiesThatChanged) {
    serve();
    client.machine(database_path)->Start({});
    ASSERT_TRUE(client.wait_for("Lifecycle", "/org/virtbus1"));
    ASSERT_TRUE(client.wait_for("Lifecycle", database_path));
    EXPECT_LT(position("PropertiesChanged", database_path), position("Lifecycle", "/org/virtbus1"));
    EXPECT_LT(position("PropertiesChanged", database_path), position("Lifecycle", database_path));
    EXPECT_EQ(client.find("PropertiesChanged", database_path)->changed.at("State").get<std::string>(), "running");
}

TEST_F(LifecycleTest, IsNumberedWithoutAGapOverAllHypervisors) {
    serve();
    auto next = client.manager()->Sequence();
    for (int i = 0; i < 20; ++i) {
        first->happen(web, "resumed", "unpaused");
        second->happen(cache, "resumed", "unpaused");
    }
    ASSERT_TRUE(client.wait_until([&] { return lifecycle("/org/virtbus1").size() == 40; }));
    for (const auto& signal : lifecycle("/org/virtbus1")) EXPECT_EQ(signal.sequence, ++next);
}

TEST_F(LifecycleTest, ResyncedHasItsPlaceInTheSequence) {
    serve();
    const auto before = client.manager()->Sequence();
    EXPECT_EQ(before, 2U) << "one Resynced for each hypervisor";
    first->happen(web, "suspended", "paused");
    ASSERT_TRUE(client.wait_for("Lifecycle", "/org/virtbus1"));
    first->close("End of file");
    ASSERT_TRUE(client.wait_for("PropertiesChanged", first_path));
    client.hypervisor(first_path)->Reconnect({});
    ASSERT_TRUE(client.wait_for("Resynced", first_path));
    EXPECT_EQ(client.find("Resynced", first_path)->sequence, before + 2);
}

TEST_F(LifecycleTest, OfANewMachineFollowsItsAddition) {
    serve();
    first->add(make_machine("new", 4));
    first->happen(make_uuid(4), "defined", "added");
    const auto path = bus::machine_path("first", make_uuid(4));
    ASSERT_TRUE(client.wait_for("Lifecycle", path));
    EXPECT_EQ(client.signals.front().name, "InterfacesAdded");
}

TEST_F(LifecycleTest, OfAMachineThatGoesComesBeforeItsRemoval) {
    serve();
    client.machine(database_path)->Delete({});
    ASSERT_TRUE(client.wait_for("InterfacesRemoved", database_path));
    client.flush();
    ASSERT_EQ(lifecycle(database_path).size(), 1U);
    EXPECT_THAT(lifecycle(database_path)[0].words, ElementsAre("undefined", "removed"));
    EXPECT_LT(position("Lifecycle", database_path), position("InterfacesRemoved", "/org/virtbus1"));
}

TEST_F(LifecycleTest, OfAMachineThatCameAndWentUnseenIsToldAtTheManagerOnly) {
    serve();
    first->happen(make_uuid(9), "undefined", "removed");
    ASSERT_TRUE(client.wait_for("Lifecycle", "/org/virtbus1"));
    client.flush();
    EXPECT_EQ(client.count("Lifecycle"), 1U);
}

TEST_F(LifecycleTest, ABurstOfChangesIsToldInFewerSignalsButEndsAtTheTruth) {
    serve();
    for (int i = 1; i <= 500; ++i) {
        first->edit(web, [i](Machine& machine) { machine.title = std::to_string(i); });
        first->touch(web);
    }
    ASSERT_TRUE(client.wait_until([&] {
        for (const auto& signal : client.signals)
            if (signal.name == "PropertiesChanged" && signal.changed.at("Title").get<std::string>() == "500")
                return true;
        return false;
    }));
    EXPECT_LE(client.count("PropertiesChanged"), 500U);
    EXPECT_EQ(client.machine(web_path)->Title(), "500");
}

}  // namespace
}  // namespace virtbus::test
