// SPDX-License-Identifier: LGPL-2.1-or-later
// A lane runs what blocks on threads of its own, never more at once than it may, and never lets the main thread wait.
#include "model/worker_lane.h"

#include "support/errors.h"
#include "support/loop.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <latch>
#include <memory>
#include <thread>

namespace virtbus {
namespace {

using namespace std::chrono_literals;
using test::bound;

/// Work hangs at it until it is opened.
class Gate {
public:
    void open() { promise_.set_value(); }
    void pass() const { future_.wait(); }

private:
    std::promise<void> promise_;
    std::shared_future<void> future_ = promise_.get_future().share();
};

class WorkerLaneTest : public testing::Test {
protected:
    asio::io_context loop;
    WorkerLane lane{loop, "hypervisor test (work)", 2, 4};
};

TEST_F(WorkerLaneTest, ReturnsWhatTheWorkReturns) {
    EXPECT_EQ(test::run(loop, lane.run([] { return std::string("done"); }, bound)), "done");
    test::run(loop, lane.run([] {}, bound));
    EXPECT_EQ(lane.pending(), 0U);
}

TEST_F(WorkerLaneTest, ThrowsWhatTheWorkThrows) {
    const auto ours = test::outcome_of(
        [&] { test::run(loop, lane.run([]() -> int { throw Error(Code::invalid_state, "it is off"); }, bound)); });
    EXPECT_TRUE(test::refuses(ours, Code::invalid_state, "it is off")) << ours;
    EXPECT_THROW(test::run(loop, lane.run([] { throw std::out_of_range("no such thing"); }, bound)), std::out_of_range);
    EXPECT_EQ(lane.pending(), 0U);
}

TEST_F(WorkerLaneTest, TakesWorkThatCannotBeCopiedAndReturnsWhatCannotBeCopied) {
    auto given = std::make_unique<int>(7);
    auto result = test::run(loop, lane.run([given = std::move(given)]() mutable { return std::move(given); }, bound));
    ASSERT_TRUE(result);
    EXPECT_EQ(*result, 7);
}

TEST_F(WorkerLaneTest, RunsTheWorkElsewhereAndAnswersHere) {
    const auto here = std::this_thread::get_id();
    std::thread::id answered;
    const auto there = test::run(loop, [](WorkerLane& on, std::thread::id& answer) -> Task<std::thread::id> {
        const auto id = co_await on.run([] { return std::this_thread::get_id(); }, bound);
        answer = std::this_thread::get_id();
        co_return id;
    }(lane, answered));
    EXPECT_NE(there, here);
    EXPECT_EQ(answered, here);
}

TEST_F(WorkerLaneTest, RunsAsManyAtOnceAsItHasThreads) {
    const auto both = std::make_shared<std::latch>(2);
    const auto meet = [both] { both->arrive_and_wait(); };
    const auto first = test::begin(loop, lane.run(meet, bound));
    const auto second = test::begin(loop, lane.run(meet, bound));
    EXPECT_TRUE(test::turn_until(loop, [&] { return first->done && second->done; }));
}

TEST_F(WorkerLaneTest, RefusesWithBusyWhatIsBeyondItsLimitAndRecovers) {
    Gate gate;
    std::vector<std::shared_ptr<test::Started>> calls;
    for (int i = 0; i < 4; ++i) calls.push_back(test::begin(loop, lane.run([&gate] { gate.pass(); }, bound)));
    test::settle(loop);
    EXPECT_EQ(lane.pending(), 4U);

    const auto refused = test::outcome_of([&] { test::run(loop, lane.run([] {}, bound)); });
    EXPECT_TRUE(test::refuses(refused, Code::busy, "hypervisor test (work)")) << refused;

    gate.open();
    EXPECT_TRUE(test::turn_until(loop, [&] { return lane.pending() == 0; }));
    test::settle(loop);
    for (const auto& call : calls) EXPECT_TRUE(call->done && !call->failure);
    EXPECT_EQ(test::run(loop, lane.run([] { return 1; }, bound)), 1);
}

TEST_F(WorkerLaneTest, GivesUpWaitingWhenThePatienceEndsAndStillCountsTheWork) {
    Gate gate;
    std::atomic<bool> finished = false;
    const auto late = test::outcome_of([&] {
        test::run(loop, lane.run(
                            [&] {
                                gate.pass();
                                finished = true;
                                return 1;
                            },
                            20ms));
    });
    EXPECT_TRUE(test::refuses(late, Code::timeout)) << late;
    EXPECT_EQ(lane.pending(), 1U);
    EXPECT_FALSE(finished);
    gate.open();
    EXPECT_TRUE(test::turn_until(loop, [&] { return lane.pending() == 0; }));
    EXPECT_TRUE(finished) << "what was asked still happens";
}

TEST_F(WorkerLaneTest, DropsTheOutcomeForWhichNobodyWaitsAnyMore) {
    Gate gate;
    std::weak_ptr<int> outcome;
    EXPECT_TRUE(test::outcome_of([&] {
                    test::run(loop, lane.run(
                                        [&] {
                                            gate.pass();
                                            auto value = std::make_shared<int>(1);
                                            outcome = value;
                                            return value;
                                        },
                                        5ms));
                }).failed);
    gate.open();
    EXPECT_TRUE(test::turn_until(loop, [&] { return lane.pending() == 0; }));
    test::settle(loop);
    EXPECT_TRUE(outcome.expired());
}

// What work holds may be the last reference to a connection, and closing that may block.
TEST_F(WorkerLaneTest, DestroysTheWorkOnTheThreadThatRanIt) {
    std::thread::id ran;
    std::thread::id destroyed;
    auto witness = std::shared_ptr<int>(new int(0), [&](const int* value) {
        destroyed = std::this_thread::get_id();
        delete value;
    });
    test::run(loop, lane.run([&ran, held = std::move(witness)] { ran = std::this_thread::get_id(); }, bound));
    EXPECT_EQ(destroyed, ran);
    EXPECT_NE(destroyed, std::this_thread::get_id());
}

TEST_F(WorkerLaneTest, DestroysTheWorkThereAlsoWhenItFails) {
    std::thread::id destroyed;
    auto witness = std::shared_ptr<int>(new int(0), [&](const int* value) {
        destroyed = std::this_thread::get_id();
        delete value;
    });
    EXPECT_THROW(test::run(loop, lane.run([held = std::move(witness)] { throw std::runtime_error("no"); }, bound)),
                 std::runtime_error);
    EXPECT_NE(destroyed, std::thread::id());
    EXPECT_NE(destroyed, std::this_thread::get_id());
}

TEST_F(WorkerLaneTest, RunsDetachedWorkToo) {
    std::atomic<bool> ran = false;
    lane.run_detached([&] { ran = true; });
    EXPECT_TRUE(test::turn_until(loop, [&] { return ran.load(); }));
}

TEST_F(WorkerLaneTest, AnswersEachOfManyCallsOnce) {
    WorkerLane wide(loop, "wide", 4, 1'000);
    int answers = 0;
    std::vector<std::shared_ptr<test::Started>> calls;
    for (int i = 0; i < 1'000; ++i)
        calls.push_back(test::begin(loop, [](WorkerLane& on, int number, int& count) -> Task<> {
            const int answer = co_await on.run([number] { return number; }, bound);
            EXPECT_EQ(answer, number);
            ++count;
        }(wide, i, answers)));
    EXPECT_TRUE(test::turn_until(loop, [&] { return answers == 1'000; }));
    EXPECT_EQ(wide.pending(), 0U);
}

TEST_F(WorkerLaneTest, MayGoBeforeTheLoopHasSeenTheEndOfADroppedCall) {
    auto own = std::make_unique<WorkerLane>(loop, "short-lived", 1, 4);
    auto gate = std::make_unique<Gate>();
    const auto late = test::outcome_of([&] { test::run(loop, own->run([&] { gate->pass(); }, 5ms)); });
    EXPECT_TRUE(test::refuses(late, Code::timeout)) << late;
    gate->open();
    own.reset();  // waits for its thread, which has posted the outcome by then
    test::settle(loop);
}

}  // namespace
}  // namespace virtbus
