// SPDX-License-Identifier: LGPL-2.1-or-later
// The life and death of connections, and events that others cause.
#include "libvirt_test.h"

#include <chrono>
#include <future>

namespace virtbus::test {

namespace {

using std::chrono::seconds;
using std::chrono::steady_clock;

class Connection : public testing::Test {
protected:
    std::unique_ptr<Port> connect(Lane lane = Lane::query) {
        return LibvirtConnector(event_loop(), libvirtd_.uri(), {.interval = 1, .count = 3}).connect(lane, events_);
    }

    PrivateLibvirtd libvirtd_;
    std::shared_ptr<RecordedEvents> events_ = std::make_shared<RecordedEvents>();
};

const Uuid test_machine = *Uuid::parse("6695eb01-f6a4-8304-79aa-97f2502e193f");  // libvirt's own

TEST_F(Connection, TellsWhatOthersDo) {
    const auto port = connect();
    libvirtd_.virsh({"suspend", "test"});
    EXPECT_TRUE(events_->wait_happened(test_machine, {"suspended", "paused"}));
    libvirtd_.virsh({"destroy", "test"});
    EXPECT_TRUE(events_->wait_happened(test_machine, {"stopped", "destroyed"}));
    EXPECT_EQ(port->read(test_machine)->state, MachineState::shut_off);
    libvirtd_.virsh({"desc", "test", "--title", "changed"});
    EXPECT_TRUE(events_->wait_touched(test_machine));
    EXPECT_EQ(port->read(test_machine)->title, "changed");
    libvirtd_.virsh({"undefine", "test"});
    EXPECT_TRUE(events_->wait_happened(test_machine, {"undefined", "removed"}));
    EXPECT_EQ(port->read(test_machine), std::nullopt);
}

TEST_F(Connection, HasEventsOnTheQueryLaneAlone) {
    const auto work = connect(Lane::work);
    work->pause(test_machine);
    const auto query = connect(Lane::query);
    work->resume(test_machine);
    EXPECT_TRUE(events_->wait_happened(test_machine, {"resumed", "unpaused"}));
    EXPECT_EQ(events_->times_closed(), 0U);
}

TEST_F(Connection, IsMissedOnEveryLane) {
    for (const auto lane : {Lane::query, Lane::work, Lane::control}) {
        events_ = std::make_shared<RecordedEvents>();
        const auto port = connect(lane);
        libvirtd_.restart();
        EXPECT_NE(events_->wait_closed(), "");
        EXPECT_REFUSED(disconnected, port->list());
        EXPECT_EQ(events_->times_closed(), 1U);
    }
}

TEST_F(Connection, ListsTransientMachines) {
    const auto port = connect();
    libvirtd_.virsh({"undefine", "test"});
    const auto machine = port->read(test_machine);
    ASSERT_TRUE(machine);
    EXPECT_FALSE(machine->persistent);
    EXPECT_EQ(port->list().machines, std::vector{*machine});
    port->set_title(test_machine, "still here");
    EXPECT_EQ(port->read(test_machine)->title, "still here");
    EXPECT_REFUSED(invalid_state, port->remove(test_machine, false));
    port->remove(test_machine, true);
    EXPECT_EQ(port->read(test_machine), std::nullopt);
}

TEST_F(Connection, RemovesSnapshotsOnlyByForce) {
    const auto port = connect();
    libvirtd_.virsh({"snapshot-create-as", "test", "before"});
    port->power_off(test_machine, false);
    EXPECT_REFUSED(invalid_state, port->remove(test_machine, false));
    port->remove(test_machine, true);
    EXPECT_EQ(port->read(test_machine), std::nullopt);
}

TEST_F(Connection, ThatIsKilledIsClosedAtOnce) {
    const auto port = connect();
    libvirtd_.kill();
    EXPECT_EQ(events_->wait_closed(), "the hypervisor's daemon closed the connection");
    EXPECT_REFUSED(disconnected, port->list());
    EXPECT_REFUSED(disconnected, port->read(test_machine));
    EXPECT_REFUSED(disconnected, port->describe());
    EXPECT_REFUSED(disconnected, port->start(test_machine, {}));
    EXPECT_EQ(events_->times_closed(), 1U);
}

TEST_F(Connection, ThatDoesNotAnswerEndsTheCallsThatWait) {
    const auto port = connect();
    libvirtd_.freeze();
    const auto begin = steady_clock::now();
    std::vector<std::future<Outcome>> calls;
    for (int i = 0; i < 6; ++i)
        calls.push_back(std::async(std::launch::async, [&] { return outcome_of([&] { port->list(); }); }));
    for (auto& call : calls) {
        const auto outcome = call.get();
        EXPECT_TRUE(refuses(outcome, Code::disconnected)) << outcome;
    }
    EXPECT_EQ(events_->wait_closed(), "the hypervisor's daemon does not answer");
    EXPECT_LT(steady_clock::now() - begin, seconds(15));
    libvirtd_.thaw();
}

TEST_F(Connection, ThatDoesNotAnswerIsClosedWithoutACall) {
    const auto port = connect();
    libvirtd_.freeze();
    EXPECT_EQ(events_->wait_closed(), "the hypervisor's daemon does not answer");
    libvirtd_.thaw();
}

TEST_F(Connection, ThatIsClosedByUsSaysNothing) {
    connect().reset();
    auto port = connect();
    port.reset();
    libvirtd_.kill();
    EXPECT_EQ(events_->times_closed(), 0U);
}

TEST_F(Connection, CanBeMadeAnewAfterARestart) {
    auto port = connect();
    libvirtd_.restart();
    EXPECT_NE(events_->wait_closed(), "");
    EXPECT_REFUSED(disconnected, port->list());
    port = connect();
    EXPECT_EQ(port->list().machines.size(), 1U);
    port->pause(test_machine);
    EXPECT_TRUE(events_->wait_happened(test_machine, {"suspended", "paused"}));
}

TEST_F(Connection, ServesSeveralThreads) {
    const auto port = connect();
    std::vector<std::future<std::size_t>> readers;
    for (int i = 0; i < 8; ++i)
        readers.push_back(std::async(std::launch::async, [&port] {
            std::size_t found = 0;
            for (int round = 0; round < 50; ++round) found += port->list().machines.size();
            return found;
        }));
    for (auto& reader : readers) EXPECT_EQ(reader.get(), 50U);
}

TEST_F(Connection, NeverDefinesOneNameTwiceHoweverManyTry) {
    const auto port = connect(Lane::work);
    std::vector<std::future<Outcome>> makers;
    for (int i = 0; i < 8; ++i)
        makers.push_back(std::async(std::launch::async, [&port] {
            return outcome_of([&] {
                MachineSpec spec;
                spec.name = "web";
                port->create(spec);
            });
        }));
    int created = 0;
    for (auto& maker : makers) {
        const auto outcome = maker.get();
        if (!outcome.failed)
            ++created;
        else
            EXPECT_TRUE(refuses(outcome, Code::already_exists)) << outcome;
    }
    EXPECT_EQ(created, 1);
}

TEST(Connecting, FailsWhereNobodyListens) {
    LibvirtConnector connector(event_loop(), "test+unix:///default?socket=/nonexistent");
    EXPECT_REFUSED(disconnected, connector.connect(Lane::query, nullptr));
}

TEST(Connecting, FailsForADriverThatIsNotThere) {
    LibvirtConnector connector(event_loop(), "nonsense:///system");
    const auto outcome = outcome_of([&] { connector.connect(Lane::query, nullptr); });
    EXPECT_TRUE(outcome.is_ours) << outcome;
}

}  // namespace

}  // namespace virtbus::test
