// SPDX-License-Identifier: LGPL-2.1-or-later
// The mirror reads again what may have changed, and tells every difference once, in order; it loses no event, and
// never stays behind the truth.
#include "unit/hypervisor_fixture.h"

#include <asio/post.hpp>

namespace virtbus::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

class InventoryTest : public TwoMachinesTest {};

TEST_F(InventoryTest, TellsAllMachinesAtTheFirstListingAndThenThatItIsComplete) {
    start();
    await_line("resynced");
    EXPECT_THAT(heard.lines, ElementsAre(testing::_, testing::_, "resynced"));
    EXPECT_THAT(heard.lines, UnorderedElementsAre("added web", "added db", "resynced"));
    EXPECT_EQ(inventory().machines().size(), 2U);
    EXPECT_EQ(fake->calls(PortCall::read), 0U) << "one listing is enough";
}

TEST_F(InventoryTest, ListsMachinesByName) {
    const auto names = [this] {
        std::vector<std::string> all;
        for (const auto& machine : inventory().by_name()) all.push_back(machine->name);
        return all;
    };
    connect();
    EXPECT_THAT(names(), ElementsAre("db", "web"));
    fake->edit(web, [](Machine& machine) { machine.name = "art"; });
    fake->touch(web);
    await_line("changed art");
    EXPECT_THAT(names(), ElementsAre("art", "db"));
    EXPECT_EQ(*inventory().by_name().begin(), mirrored(web)) << "the value that is shown";
    fake->erase(web);
    fake->touch(web);
    await_line("removed art");
    EXPECT_THAT(names(), ElementsAre("db"));
}

TEST_F(InventoryTest, TellsADifferenceAfterATouch) {
    connect();
    fake->edit(web, [](Machine& machine) { machine.title = "The web"; });
    fake->touch(web);
    await_line("changed web");
    EXPECT_EQ(mirrored(web)->title, "The web");
    await_quiet();
    EXPECT_THAT(heard.lines, ElementsAre("changed web"));
}

TEST_F(InventoryTest, TellsNothingWhenATouchedMachineIsAsItWas) {
    connect();
    fake->touch(web);
    await_quiet();
    EXPECT_EQ(fake->calls(PortCall::read), 1U);
    EXPECT_THAT(heard.lines, IsEmpty());
}

TEST_F(InventoryTest, TellsANewMachineBeforeWhatHappenedToIt) {
    connect();
    fake->add(make_machine("cache", 3));
    fake->happen(make_uuid(3), "defined", "added");
    await_line("cache defined added");
    EXPECT_THAT(heard.lines, ElementsAre("added cache", "cache defined added"));
}

TEST_F(InventoryTest, TellsAChangeBeforeWhatHappened) {
    connect();
    fake->edit(web, [](Machine& machine) { machine.state = MachineState::running; });
    fake->happen(web, "started", "booted");
    await_line("web started booted");
    EXPECT_THAT(heard.lines, ElementsAre("changed web", "web started booted"));
}

TEST_F(InventoryTest, ReadsOnlyTheStateOfWhatIsPausedOrResumed) {
    connect();
    fake->edit(web, [](Machine& machine) { machine.state = MachineState::paused; });
    fake->happen(web, "suspended", "paused");
    await_line("web suspended paused");
    EXPECT_THAT(heard.lines, ElementsAre("changed web", "web suspended paused"));
    EXPECT_EQ(mirrored(web)->state, MachineState::paused);
    fake->edit(web, [](Machine& machine) { machine.state = MachineState::running; });
    fake->happen(web, "resumed", "unpaused");
    await_line("web resumed unpaused");
    EXPECT_EQ(mirrored(web)->state, MachineState::running);
    EXPECT_EQ(fake->calls(PortCall::read_state), 2U);
    EXPECT_EQ(fake->calls(PortCall::read), 0U);
}

TEST_F(InventoryTest, ReadsTheWholeMachineWhenMoreThanItsStateMayHaveChanged) {
    connect();
    fake->block(PortCall::read);
    fake->touch(database);
    await_hanging(PortCall::read);
    fake->edit(web, [](Machine& machine) { machine.title = "The web"; });
    fake->happen(web, "suspended", "paused");
    fake->touch(web);
    fake->happen(web, "resumed", "unpaused");
    settle(loop);
    fake->release(PortCall::read);
    await_line("web resumed unpaused");
    EXPECT_EQ(mirrored(web)->title, "The web");
    EXPECT_EQ(fake->calls(PortCall::read_state), 0U);
}

TEST_F(InventoryTest, TellsWhatHappenedBeforeTheMachineIsRemoved) {
    connect();
    fake->erase(web);
    fake->happen(web, "undefined", "removed");
    await_line("removed web");
    EXPECT_THAT(heard.lines, ElementsAre("web undefined removed", "removed web"));
    EXPECT_EQ(mirrored(web), nullptr);
}

TEST_F(InventoryTest, TellsAllEventsOfOneMachineInTheirOrder) {
    connect();
    fake->block(PortCall::read);
    for (const auto* event : {"started", "suspended", "resumed", "stopped"}) fake->happen(web, event, "x");
    fake->release(PortCall::read);
    await_line("web stopped x");
    EXPECT_THAT(heard.lines, ElementsAre("web started x", "web suspended x", "web resumed x", "web stopped x"));
}

TEST_F(InventoryTest, TellsAnEventOfAMachineThatNobodyKnows) {
    connect();
    fake->happen(make_uuid(9), "undefined", "removed");
    await_line(" undefined removed");
    EXPECT_THAT(heard.lines, ElementsAre(" undefined removed"));
}

TEST_F(InventoryTest, ReadsOnceMoreHoweverManyEventsComeDuringAReading) {
    connect();
    fake->block(PortCall::read);
    fake->touch(web);
    await_hanging(PortCall::read);
    for (int i = 0; i < 50; ++i) fake->touch(web);
    for (int i = 0; i < 50; ++i) fake->happen(web, "resumed", "x");
    settle(loop);
    fake->release(PortCall::read);
    await_quiet();
    EXPECT_EQ(fake->calls(PortCall::read), 2U);
    EXPECT_EQ(heard.lines.size(), 50U) << "readings may be fewer than events, but no event is lost";
}

TEST_F(InventoryTest, SeesWhatChangesDuringAReading) {
    connect();
    fake->block(PortCall::read);
    fake->touch(web);
    await_hanging(PortCall::read);
    fake->touch(web);
    fake->touch(database);
    settle(loop);
    fake->edit(web, [](Machine& machine) { machine.title = "later"; });
    fake->edit(database, [](Machine& machine) { machine.title = "later"; });
    fake->release(PortCall::read);
    await_quiet();
    EXPECT_EQ(mirrored(web)->title, "later");
    EXPECT_EQ(mirrored(database)->title, "later");
    EXPECT_EQ(fake->calls(PortCall::read), 3U);
}

TEST_F(InventoryTest, AnEventDuringAReadingIsToldAfterTheReadingThatFollowsIt) {
    connect();
    fake->block(PortCall::read);
    fake->touch(web);
    await_hanging(PortCall::read);
    fake->happen(web, "started", "booted");
    settle(loop);
    EXPECT_THAT(heard.lines, IsEmpty());
    fake->edit(web, [](Machine& machine) { machine.state = MachineState::running; });
    fake->release(PortCall::read);
    await_line("web started booted");
    EXPECT_THAT(heard.lines, ElementsAre("changed web", "web started booted"));
}

TEST_F(InventoryTest, ReadsABurstOverManyMachinesInFewBatchesAndEachMachineOnce) {
    for (std::uint32_t i = 10; i < 510; ++i) fake->add(make_machine(std::to_string(i), i));
    connect();
    fake->block(PortCall::read);
    fake->touch(make_uuid(10));
    await_hanging(PortCall::read);
    for (std::uint32_t i = 11; i < 510; ++i) {
        fake->edit(make_uuid(i), [](Machine& machine) { machine.title = "new"; });
        inventory().touch(make_uuid(i));
        inventory().touch(make_uuid(i));
    }
    fake->release(PortCall::read);
    await_quiet();
    EXPECT_EQ(fake->calls(PortCall::read), 500U);
    EXPECT_EQ(heard.lines.size(), 499U);
}

TEST_F(InventoryTest, OneMachineThatCannotBeReadDoesNotSpoilTheOthers) {
    connect();
    fake->edit(database, [](Machine& machine) { machine.title = "new"; });
    fake->block(PortCall::read);
    fake->touch(make_uuid(9));
    await_hanging(PortCall::read);
    fake->touch(web);
    fake->touch(database);
    settle(loop);
    fake->fail(PortCall::read, Error(Code::failed, "broken"), 2);
    fake->release(PortCall::read);
    await_line("changed db");
    EXPECT_EQ(mirrored(database)->title, "new");
}

TEST_F(InventoryTest, AMachineThatCouldNotBeReadIsReadAgainByItself) {
    connect();
    fake->edit(web, [](Machine& machine) { machine.state = MachineState::running; });
    fake->fail(PortCall::read, Error(Code::failed, "broken for a moment"));
    fake->happen(web, "started", "booted");
    await_line("web started booted");
    EXPECT_EQ(mirrored(web)->state, MachineState::running);
    EXPECT_THAT(heard.lines, ElementsAre("changed web", "web started booted"));
}

TEST_F(InventoryTest, AMachineThatCouldNotBeReadAsItWentIsRemovedRightAfterItsEndIsTold) {
    connect();
    fake->erase(web);
    fake->fail(PortCall::read, Error(Code::failed, "it is just going"));
    fake->happen(web, "stopped", "shutdown");
    await_line("web stopped shutdown");
    EXPECT_THAT(heard.lines, ElementsAre("web stopped shutdown", "removed web"));
    EXPECT_EQ(mirrored(web), nullptr);
}

TEST_F(InventoryTest, AMachineThatWasSeenStartingIsReadAgainAsNothingTellsOfAStartThatFails) {
    connect();
    fake->edit(web, [](Machine& machine) {
        machine.state = MachineState::paused;
        machine.state_reason = "starting-up";
    });
    fake->touch(web);
    await_line("changed web");
    heard.lines.clear();
    fake->edit(web, [](Machine& machine) {
        machine.state = MachineState::shut_off;
        machine.state_reason = "failed";
    });
    await_line("changed web");
    EXPECT_EQ(mirrored(web)->state, MachineState::shut_off);
    await_quiet();
    EXPECT_EQ(fake->calls(PortCall::read), 2U);
}

TEST_F(InventoryTest, AnEventThatComesWhileTheReadingLaneIsFullIsNotLost) {
    connect();
    fake->block(PortCall::machine_xml);
    std::vector<std::shared_ptr<Started>> calls;
    for (int i = 0; i < 256; ++i)
        calls.push_back(
            begin(loop, hypervisor->run(Lane::query, [uuid = web](Port& port) { port.machine_xml(uuid, false); })));
    await_hanging(PortCall::machine_xml, 4);
    fake->edit(web, [](Machine& machine) { machine.title = "in the crowd"; });
    fake->happen(web, "defined", "updated");
    settle(loop);
    fake->release(PortCall::machine_xml);
    await_line("changed web");
    EXPECT_EQ(mirrored(web)->title, "in the crowd");
    await_line("web defined updated");
}

TEST_F(InventoryTest, AListingThatFailsIsTriedAgain) {
    fake->fail(PortCall::list, Error(Code::failed, "out of memory"));
    start();
    await_line("resynced");
    EXPECT_EQ(inventory().machines().size(), 2U);
}

// What is not there is free to be used: its images to be deleted, its name to be taken.
TEST_F(InventoryTest, AMachineThatAListingCannotReadIsThereUntilItIsGone) {
    connect();
    fake->set_readable(web, false);
    inventory().relist(false);
    await_quiet();
    ASSERT_NE(mirrored(web), nullptr);
    EXPECT_THAT(heard.lines, IsEmpty());
    fake->edit(web, [](Machine& machine) { machine.title = "back"; });
    fake->set_readable(web, true);
    await_line("changed web");
    fake->erase(web);
    inventory().relist(false);
    await_line("removed web");
}

TEST_F(InventoryTest, WhoWaitsForAMachineThatAListingCannotReadHearsWhy) {
    connect();
    fake->add(make_machine("new", 3));
    for (const auto& uuid : {web, make_uuid(3)}) {
        fake->set_readable(uuid, false);
        const auto waiting = begin(loop, inventory().refreshed(uuid));
        asio::post(loop, [this] { inventory().relist(false); });
        ASSERT_TRUE(turn_until(loop, [&] { return waiting->done; }));
        EXPECT_TRUE(waiting->failure) << "it was not read";
    }
    EXPECT_EQ(fake->calls(PortCall::list), 3U) << "each was to be served by a listing";
}

TEST_F(InventoryTest, EventsAreNotLostOverALostConnection) {
    connect();
    fake->block(PortCall::read);
    fake->edit(web, [](Machine& machine) { machine.state = MachineState::running; });
    fake->happen(web, "started", "booted");
    await_hanging(PortCall::read);
    fake->close("the server has ended");
    fake->release(PortCall::read);
    reconnect();
    await_line("resynced");
    EXPECT_THAT(heard.lines, ElementsAre("changed web", "web started booted", "resynced"));
}

TEST_F(InventoryTest, AfterAReconnectTellsWhatCameChangedAndWentAndLastThatItIsComplete) {
    connect();
    fake->close("the server has ended");
    await_state(ConnectionState::disconnected);
    EXPECT_EQ(inventory().machines().size(), 2U) << "what was known stays";
    fake->erase(web);
    fake->edit(database, [](Machine& machine) { machine.title = "new"; });
    fake->add(make_machine("cache", 3));
    reconnect();
    await_line("resynced");
    EXPECT_THAT(heard.lines, UnorderedElementsAre("removed web", "changed db", "added cache", "resynced"));
    EXPECT_EQ(heard.lines.back(), "resynced");
}

TEST_F(InventoryTest, ARelistingThatNobodyAskedForIsNotAnnounced) {
    connect();
    fake->edit(web, [](Machine& machine) { machine.autostart = true; });
    inventory().relist(false);
    await_line("changed web");
    await_quiet();
    EXPECT_THAT(heard.lines, ElementsAre("changed web"));
}

TEST_F(InventoryTest, AListingServesThoseWhoWaitForOneMachine) {
    connect();
    fake->edit(web, [](Machine& machine) { machine.title = "written"; });
    inventory().relist(false);
    run(loop, inventory().refreshed(web));
    EXPECT_EQ(mirrored(web)->title, "written");
}

}  // namespace
}  // namespace virtbus::test
