// SPDX-License-Identifier: LGPL-2.1-or-later
// A hypervisor stays connected or says why not; what hangs on one lane stops neither the others nor anybody else.
#include "unit/hypervisor_fixture.h"

namespace virtbus::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class ConnectionTest : public HypervisorTest {
protected:
    static constexpr std::size_t lanes = 5;

    /// Fills the lane's threads with calls that hang.
    std::vector<std::shared_ptr<Started>> hang(Lane lane, int count = 4) {
        fake->block(lane);
        std::vector<std::shared_ptr<Started>> calls;
        const auto before = fake->hanging();
        for (int i = 0; i < count; ++i)
            calls.push_back(begin(loop, hypervisor->run(lane, [uuid = web](Port& port) { port.reset(uuid); })));
        EXPECT_TRUE(turn_until(loop, [&] {
            return fake->hanging() == before + 4 && hypervisor->pending() >= static_cast<std::size_t>(count);
        }));
        return calls;
    }
};

TEST_F(ConnectionTest, TellsWhatTheHypervisorIsWhenConnected) {
    HypervisorInfo info;
    info.driver = "qemu";
    info.hostname = "host";
    fake->set_info(info);
    connect();
    EXPECT_EQ(hypervisor->status().info, info);
    EXPECT_EQ(hypervisor->status().error, "");
    EXPECT_THAT(status.states, ElementsAre("connected"));
    EXPECT_EQ(fake->ports(), lanes) << "one connection for each lane";
}

TEST_F(ConnectionTest, IsNotLocalWhereItSaysThatItsHostIsAnother) {
    connect();
    EXPECT_TRUE(hypervisor->is_local());
    HypervisorInfo info;
    info.on_this_host = false;
    fake->set_info(info);
    fake->close("the socket ends elsewhere now");
    await_state(ConnectionState::disconnected);
    await_state(ConnectionState::connected);
    EXPECT_FALSE(hypervisor->is_local());
}

TEST_F(ConnectionTest, ServesNoCallBeforeItIsConnected) {
    const auto outcome = call(Lane::query);
    EXPECT_TRUE(refuses(outcome, Code::disconnected, "hypervisor test is connecting")) << outcome;
}

TEST_F(ConnectionTest, SaysWhyItCouldNotConnectAndTriesAgainByItself) {
    fake->fail(PortCall::connect, Error(Code::disconnected, "no daemon listens"));
    start();
    await_state(ConnectionState::failed);
    fake->block(PortCall::connect);
    EXPECT_EQ(hypervisor->status().error, "no daemon listens");
    const auto outcome = call(Lane::work);
    EXPECT_TRUE(refuses(outcome, Code::disconnected)) << outcome;
    EXPECT_THAT(outcome.text, HasSubstr("no daemon listens"));
    fake->release(PortCall::connect);
    await_state(ConnectionState::connected);
    EXPECT_EQ(hypervisor->status().error, "");
    EXPECT_THAT(status.states, ElementsAre("failed", "connecting", "connected"));
}

TEST_F(ConnectionTest, TriesAtOnceWhenToldTo) {
    constexpr int failures = 4;
    fake->fail(PortCall::connect, Error(Code::disconnected, "no daemon listens"), failures);
    start();
    const auto begun = std::chrono::steady_clock::now();
    for (int failed = 1; failed <= failures; ++failed) {
        ASSERT_TRUE(turn_until(
            loop, [&] { return std::count(status.states.begin(), status.states.end(), "failed") == failed; }));
        hypervisor->reconnect();
    }
    await_state(ConnectionState::connected);
    EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(8)) << "by itself: after 1 + 2 + 4 + 8 s";
}

TEST_F(ConnectionTest, IsNotConnectedWhenItCannotBeDescribed) {
    fake->fail(PortCall::describe, Error(Code::failed, "no capabilities"), -1);
    start();
    await_state(ConnectionState::failed);
    EXPECT_EQ(hypervisor->status().error, "no capabilities");
    EXPECT_TRUE(turn_until(loop, [&] { return fake->ports() == 0; })) << "the connections are not kept";
}

TEST_F(ConnectionTest, FailsCallsAtOnceWhenTheConnectionIsLost) {
    connect();
    fake->block(PortCall::connect);
    fake->close("End of file");
    await_state(ConnectionState::disconnected);
    EXPECT_EQ(hypervisor->status().error, "End of file");
    for (const auto lane : {Lane::query, Lane::work, Lane::control}) {
        const auto outcome = call(lane);
        EXPECT_TRUE(refuses(outcome, Code::disconnected)) << outcome;
        EXPECT_THAT(outcome.text, HasSubstr("End of file"));
    }
    EXPECT_TRUE(turn_until(loop, [&] { return fake->ports() == 0; }));
}

TEST_F(ConnectionTest, CallsUnderWayFailWhenTheConnectionIsLost) {
    fake->add(make_machine("web", 1, MachineState::running));
    connect();
    const auto calls = hang(Lane::work, 6);
    fake->close("End of file");
    ASSERT_TRUE(turn_until(loop, [&] { return hypervisor->pending() == 0; }));
    settle(loop);
    for (const auto& each : calls) {
        ASSERT_TRUE(each->done);
        EXPECT_TRUE(refuses(outcome_of(each->failure), Code::disconnected)) << outcome_of(each->failure);
    }
}

TEST_F(ConnectionTest, ConnectsAgainAfterALossAndServesCalls) {
    connect();
    for (int i = 0; i < 3; ++i) {
        fake->close("End of file");
        reconnect();
        await_line("resynced");
        heard.lines.clear();
        EXPECT_FALSE(call(Lane::work).failed);
        await_quiet();
        EXPECT_TRUE(turn_until(loop, [&] { return fake->ports() == lanes; }));
    }
}

TEST_F(ConnectionTest, DoesNotHearThatAnOldConnectionIsClosed) {
    connect();
    const auto old = fake->events();
    fake->close("End of file");
    reconnect();
    await_line("resynced");
    old->closed("closed once more");
    settle(loop);
    await_quiet();
    EXPECT_EQ(hypervisor->status().connection, ConnectionState::connected);
    EXPECT_FALSE(call(Lane::query).failed);
}

TEST_F(ConnectionTest, AnOldConnectionMayTellAtAnyTimeEvenAfterTheHypervisorIsGone) {
    fake->add(make_machine("web", 1));
    connect();
    const auto old = fake->events();
    const auto other = std::make_shared<Hypervisor>(loop, "other", "fake:///", fake->connector(), formats);
    other->start();
    ASSERT_TRUE(turn_until(loop, [&] { return other->inventory().machines().size() == 1; }));
    const auto its_events = fake->events();
    other->stop();
    ASSERT_TRUE(turn_until(loop, [&] { return other->pending() == 0; }));
    its_events->touched(web);
    its_events->happened(web, {"started", "booted"});
    its_events->closed("late");
    settle(loop);
    EXPECT_EQ(hypervisor->status().connection, ConnectionState::connected);
}

TEST_F(ConnectionTest, NoticesALossThatComesWhileItIsStillConnecting) {
    fake->block(PortCall::describe);
    start();
    await_hanging(PortCall::describe);
    fake->events()->closed("lost early");
    settle(loop);
    fake->release(PortCall::describe);
    await_state(ConnectionState::disconnected);
    EXPECT_EQ(hypervisor->status().error, "lost early");
}

TEST_F(ConnectionTest, NeverConnectsTwiceAtOnce) {
    fake->block(PortCall::connect);
    start();
    await_hanging(PortCall::connect);
    hypervisor->reconnect();
    hypervisor->reconnect();
    settle(loop);
    EXPECT_EQ(fake->calls(PortCall::connect), 1U);
    fake->release(PortCall::connect);
    await_state(ConnectionState::connected);
    EXPECT_EQ(fake->calls(PortCall::connect), lanes);
}

TEST_F(ConnectionTest, AHypervisorThatNeverAnswersHoldsUpNoOther) {
    fake->block(PortCall::connect);
    start();
    await_hanging(PortCall::connect);
    const auto second = FakeHypervisor::make();
    second->add(make_machine("db", 2));
    const auto other = std::make_shared<Hypervisor>(loop, "other", "fake:///", second->connector(), formats);
    other->start();
    EXPECT_TRUE(turn_until(loop, [&] { return other->inventory().machines().size() == 1; }));
    other->stop();
    EXPECT_TRUE(turn_until(loop, [&] { return other->pending() == 0 && second->ports() == 0; }));
    settle(loop);
}

TEST_F(ConnectionTest, ABlockedWorkLaneHoldsUpNeitherReadingNorControl) {
    fake->add(make_machine("web", 1, MachineState::running));
    connect();
    const auto calls = hang(Lane::work, 20);
    EXPECT_FALSE(call(Lane::query).failed);
    EXPECT_FALSE(call(Lane::control).failed);
    fake->edit(web, [](Machine& machine) { machine.title = "new"; });
    fake->touch(web);
    await_line("changed web");
    run(loop, hypervisor->run(Lane::control, [uuid = web](Port& port) { port.power_off(uuid, false); }));
    EXPECT_EQ(fake->machine(web)->state, MachineState::shut_off);
    EXPECT_TRUE(turn_until(loop, [&] { return hypervisor->pending() == 20; }));
    fake->release(Lane::work);
    EXPECT_TRUE(turn_until(loop, [&] { return hypervisor->pending() == 0; }));
}

TEST_F(ConnectionTest, ABlockedReadingLaneHoldsUpNeitherWorkNorControl) {
    fake->add(make_machine("web", 1, MachineState::running));
    connect();
    const auto calls = hang(Lane::query);
    EXPECT_FALSE(call(Lane::work).failed);
    EXPECT_FALSE(call(Lane::control).failed);
}

TEST_F(ConnectionTest, RefusesWithBusyWhenALaneIsFull) {
    fake->add(make_machine("web", 1, MachineState::running));
    connect();
    const auto calls = hang(Lane::work, 256);
    const auto outcome = call(Lane::work);
    EXPECT_TRUE(refuses(outcome, Code::busy, "hypervisor test (work)")) << outcome;
    EXPECT_FALSE(call(Lane::control).failed);
}

TEST_F(ConnectionTest, StopsWhileCallsAreUnderWay) {
    fake->add(make_machine("web", 1, MachineState::running));
    connect();
    await_quiet();
    const auto calls = hang(Lane::work, 6);
    hypervisor->stop();
    settle(loop);
    const auto outcome = call(Lane::work);
    EXPECT_TRUE(refuses(outcome, Code::disconnected)) << outcome;
    EXPECT_EQ(hypervisor->pending(), 6U);
    fake->release(Lane::work);
    EXPECT_TRUE(turn_until(loop, [&] { return hypervisor->pending() == 0 && fake->ports() == 0; }));
    settle(loop);
    for (const auto& each : calls) EXPECT_TRUE(each->done);
}

TEST_F(ConnectionTest, StopsWhileItIsConnecting) {
    fake->block(PortCall::connect);
    start();
    await_hanging(PortCall::connect);
    hypervisor->stop();
    fake->release(PortCall::connect);
    EXPECT_TRUE(turn_until(loop, [&] { return hypervisor->pending() == 0 && fake->ports() == 0; }));
}

TEST_F(ConnectionTest, StopsBeforeItWasStartedOrTwice) {
    hypervisor->stop();
    start();
    settle(loop);
    hypervisor->stop();
    EXPECT_EQ(fake->calls(PortCall::connect), 0U);
}

}  // namespace
}  // namespace virtbus::test
