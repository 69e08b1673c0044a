// SPDX-License-Identifier: LGPL-2.1-or-later
// A hypervisor without events is looked at again and again, and observers hear what they would hear of any other.
#include "model/observed_events.h"

#include "unit/hypervisor_fixture.h"

namespace virtbus::test {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;

class PollingTest : public HypervisorTest {
protected:
    PollingTest() {
        HypervisorInfo info;
        info.driver = "esx";
        info.has_events = false;
        fake->set_info(info);
        fake->set_tells(false);
        hypervisor = std::make_shared<Hypervisor>(loop, "esx", "esx://host/", fake->connector(), formats,
                                                  Hypervisor::Settings{Origin::caller, seconds(1)});
    }
};

TEST_F(PollingTest, ItsIntervalIsVisible) {
    EXPECT_EQ(hypervisor->poll_interval(), seconds(0)) << "nothing is known yet";
    connect();
    EXPECT_EQ(hypervisor->poll_interval(), seconds(1));
}

TEST_F(PollingTest, WhatIsThereAtFirstHasNotHappened) {
    fake->add(make_machine("web", 1, MachineState::running));
    start();
    await_line("resynced");
    EXPECT_THAT(heard.lines, ElementsAre("added web", "resynced"));
}

TEST_F(PollingTest, ObserversHearWhatHasHappened) {
    fake->add(make_machine("web", 1));
    connect();
    fake->edit(web, [](Machine& machine) {
        machine.state = MachineState::running;
        machine.state_reason = "booted";
    });
    fake->add(make_machine("db", 2));
    await_line("web started booted");
    await_line("db defined added");
    EXPECT_EQ(mirrored(web)->state, MachineState::running);
    heard.lines.clear();
    fake->erase(web);
    await_line("removed web");
    EXPECT_THAT(heard.lines, ElementsAre("web stopped ", "web undefined removed", "removed web"));
}

TEST_F(PollingTest, PoolsAreLookedAtToo) {
    connect();
    fake->storage().add(make_pool("default"));
    EXPECT_TRUE(turn_until(loop, [&] { return hypervisor->storage().find_pool("default") != nullptr; }));
}

TEST_F(PollingTest, OwnCallsAreHeardOfAtOnce) {
    fake->add(make_machine("web", 1));
    connect();
    const auto listed = fake->calls(PortCall::list);
    run(loop, hypervisor->run(Lane::work, [uuid = web](Port& port) { port.start(uuid, {}); }));
    run(loop, inventory().refreshed(web));
    EXPECT_LE(fake->calls(PortCall::list), listed + 1);
    await_line("web started booted");
}

class ToldTest : public HypervisorTest {};

TEST_F(ToldTest, OneWithEventsIsNotPolled) {
    fake->add(make_machine("web", 1));
    connect();
    EXPECT_EQ(hypervisor->poll_interval(), seconds(0));
    fake->edit(web, [](Machine& machine) { machine.state = MachineState::running; });
    fake->touch(web);
    await_line("changed web");
    EXPECT_THAT(heard.lines, ElementsAre("changed web")) << "libvirt would have told more";
}

/// "started booted, suspended user" for what has happened between the two.
std::string observed(const Machine* before, const Machine* after) {
    std::string text;
    for (const auto& [event, detail] : observed_events(before, after))
        text += (text.empty() ? "" : ", ") + event + (detail.empty() ? "" : " " + detail);
    return text;
}

Machine in_state(MachineState state, const std::string& reason = "unknown") {
    auto machine = make_machine("web", 1, state);
    machine.state_reason = reason;
    return machine;
}

TEST(ObservedEventsTest, FollowFromTheStates) {
    const auto off = in_state(MachineState::shut_off, "destroyed");
    const auto running = in_state(MachineState::running, "booted");
    const auto paused = in_state(MachineState::paused, "user");
    const auto resumed = in_state(MachineState::running, "unpaused");
    const auto suspended = in_state(MachineState::suspended);
    const auto crashed = in_state(MachineState::crashed, "panicked");
    EXPECT_EQ(observed(nullptr, &off), "defined added");
    EXPECT_EQ(observed(nullptr, &running), "defined added, started booted");
    EXPECT_EQ(observed(&off, &running), "started booted");
    EXPECT_EQ(observed(&off, &paused), "started, suspended user");
    EXPECT_EQ(observed(&running, &paused), "suspended user");
    EXPECT_EQ(observed(&paused, &resumed), "resumed unpaused");
    EXPECT_EQ(observed(&running, &suspended), "pm-suspended");
    EXPECT_EQ(observed(&running, &crashed), "crashed panicked");
    EXPECT_EQ(observed(&running, &off), "stopped destroyed");
    EXPECT_EQ(observed(&running, nullptr), "stopped, undefined removed");
    EXPECT_EQ(observed(&off, nullptr), "undefined removed");
    EXPECT_THAT(observed_events(&running, &running), IsEmpty());
    EXPECT_THAT(observed_events(&off, &off), IsEmpty());
}

}  // namespace
}  // namespace virtbus::test
