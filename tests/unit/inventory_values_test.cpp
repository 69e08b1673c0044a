// SPDX-License-Identifier: LGPL-2.1-or-later
// What the mirror itself knows of a machine: since when it is in its state, the generation of its definition, its job.
#include "base/clock.h"
#include "unit/hypervisor_fixture.h"

#include <set>

namespace virtbus::test {
namespace {

using testing::ElementsAre;

class InventoryValuesTest : public HypervisorTest {
protected:
    InventoryValuesTest() {
        fake->add(make_machine("web", 1));
        connect();
    }

    void change(const std::function<void(Machine&)>& how) {
        fake->edit(web, how);
        run(loop, inventory().refreshed(web));
    }
};

TEST_F(InventoryValuesTest, NobodyKnowsSinceWhenAMachineOfTheFirstListingIsInItsState) {
    EXPECT_EQ(mirrored(web)->state_since, 0U);
    change([](Machine& machine) { machine.title = "x"; });
    EXPECT_EQ(mirrored(web)->state_since, 0U);
}

TEST_F(InventoryValuesTest, StateSinceIsWhenTheStateWasFirstSeen) {
    const auto before = now_usec();
    change([](Machine& machine) { machine.state = MachineState::running; });
    const auto since = mirrored(web)->state_since;
    EXPECT_GE(since, before);
    EXPECT_LE(since, now_usec());
    change([](Machine& machine) { machine.title = "x"; });
    EXPECT_EQ(mirrored(web)->state_since, since) << "only another state counts";
}

TEST_F(InventoryValuesTest, AMachineThatComesLaterIsInItsStateSinceThen) {
    const auto before = now_usec();
    fake->add(make_machine("cache", 3));
    run(loop, inventory().refreshed(make_uuid(3)));
    EXPECT_GE(mirrored(make_uuid(3))->state_since, before);
}

TEST_F(InventoryValuesTest, GenerationGrowsExactlyWhenTheDefinitionChanges) {
    const auto first = mirrored(web)->generation;
    EXPECT_GT(first, 0U);
    change([](Machine& machine) {
        machine.state = MachineState::running;
        machine.memory /= 2;
    });
    EXPECT_EQ(mirrored(web)->generation, first);
    change([](Machine& machine) { machine.definition = 77; });
    const auto second = mirrored(web)->generation;
    EXPECT_GT(second, first);
    change([](Machine& machine) { machine.definition = 1; });
    EXPECT_GT(mirrored(web)->generation, second) << "back to an old definition is a change too";
}

TEST_F(InventoryValuesTest, GenerationNeverRepeats) {
    std::set<std::uint64_t> seen{mirrored(web)->generation};
    for (std::uint64_t i = 0; i < 50; ++i) {
        change([&](Machine& machine) { machine.definition = 100 + i % 2; });
        EXPECT_TRUE(seen.insert(mirrored(web)->generation).second);
    }
    fake->erase(web);
    run(loop, inventory().refreshed(web));
    fake->add(make_machine("web", 1));
    run(loop, inventory().refreshed(web));
    EXPECT_TRUE(seen.insert(mirrored(web)->generation).second) << "not for a machine that came back either";
    EXPECT_EQ(*seen.rbegin(), mirrored(web)->generation);
}

TEST_F(InventoryValuesTest, GenerationIsNotRepeatedByADaemonThatIsStartedAgain) {
    for (std::uint64_t i = 0; i < 50; ++i) change([&](Machine& machine) { machine.definition = 100 + i; });
    const auto last = mirrored(web)->generation;
    const auto again = std::make_shared<Hypervisor>(loop, "again", "fake:///", fake->connector(), formats);
    again->start();
    ASSERT_TRUE(turn_until(loop, [&] { return again->inventory().find(web) != nullptr; }));
    EXPECT_GT(again->inventory().find(web)->generation, last);
    again->stop();
    ASSERT_TRUE(turn_until(loop, [&] { return again->pending() == 0; }));
    settle(loop);
}

TEST_F(InventoryValuesTest, GenerationSurvivesALostConnection) {
    const auto generation = mirrored(web)->generation;
    fake->close("gone");
    reconnect();
    await_line("resynced");
    EXPECT_EQ(mirrored(web)->generation, generation);
}

TEST_F(InventoryValuesTest, CurrentJobIsAnnouncedAndSurvivesAReading) {
    inventory().set_current_job(web, 5);
    EXPECT_THAT(heard.lines, ElementsAre("changed web"));
    inventory().set_current_job(web, 5);
    EXPECT_EQ(heard.lines.size(), 1U);
    change([](Machine& machine) { machine.title = "x"; });
    EXPECT_EQ(mirrored(web)->current_job, 5U);
    inventory().set_current_job(make_uuid(9), 5);
}

TEST_F(InventoryValuesTest, AWatchIsDoneWhenWhatItWatchesForIsSo) {
    const auto runs = [](const Machine* machine) { return machine != nullptr && is_active(machine->state); };
    const auto watch = inventory().watch(web, runs);
    EXPECT_FALSE(watch->done.is_set());
    change([](Machine& machine) { machine.title = "x"; });
    EXPECT_FALSE(watch->done.is_set());
    change([](Machine& machine) { machine.state = MachineState::running; });
    EXPECT_TRUE(watch->done.is_set());
    EXPECT_TRUE(inventory().watch(web, runs)->done.is_set()) << "it is so already";
}

TEST_F(InventoryValuesTest, AWatchSeesThatAMachineIsGone) {
    const auto gone = [](const Machine* machine) { return machine == nullptr; };
    const auto watch = inventory().watch(web, gone);
    EXPECT_FALSE(watch->done.is_set());
    fake->erase(web);
    run(loop, inventory().refreshed(web));
    EXPECT_TRUE(watch->done.is_set());
    EXPECT_TRUE(inventory().watch(make_uuid(9), gone)->done.is_set());
}

}  // namespace
}  // namespace virtbus::test
