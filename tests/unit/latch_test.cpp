// SPDX-License-Identifier: LGPL-2.1-or-later
// Those who wait for a latch wake exactly when it is set, or when their own patience ends.
#include "base/latch.h"

#include "support/loop.h"

#include <gtest/gtest.h>
#include <asio/post.hpp>

#include <memory>
#include <vector>

namespace virtbus {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

class LatchTest : public testing::Test {
protected:
    asio::io_context loop;
    Latch latch{loop.get_executor()};
};

TEST_F(LatchTest, ThatIsSetLetsThroughAtOnce) {
    latch.set();
    EXPECT_TRUE(test::run(loop, latch.wait(test::bound)));
    EXPECT_TRUE(test::run(loop, latch.wait(0ms)));
    test::run(loop, latch.wait());
}

TEST_F(LatchTest, ThatIsNotSetHoldsForAsLongAsThePatienceLasts) {
    const auto begun = Clock::now();
    EXPECT_FALSE(test::run(loop, latch.wait(30ms)));
    EXPECT_GE(Clock::now() - begun, 30ms);
    EXPECT_FALSE(latch.is_set());
}

TEST_F(LatchTest, HoldsNobodyWithoutPatience) { EXPECT_FALSE(test::run(loop, latch.wait(0ms))); }

TEST_F(LatchTest, WakesAllWhoWait) {
    std::vector<std::shared_ptr<test::Started>> waiters;
    for (int i = 0; i < 5; ++i) {
        waiters.push_back(test::begin(loop, latch.wait()));
        waiters.push_back(test::begin(loop, [](Latch& shared) -> Task<> {
            const bool is_set = co_await shared.wait(test::bound);
            EXPECT_TRUE(is_set);
        }(latch)));
        waiters.push_back(test::begin(loop, [](Latch& shared) -> Task<> {
            const bool is_set = co_await shared.wait(Clock::duration::max());
            EXPECT_TRUE(is_set);
        }(latch)));
    }
    test::settle(loop);
    for (const auto& waiter : waiters) EXPECT_FALSE(waiter->done);
    latch.set();
    test::settle(loop);
    for (const auto& waiter : waiters) EXPECT_TRUE(waiter->done);
}

TEST_F(LatchTest, LetsThePatientWaitOnWhenTheImpatientGo) {
    const auto patient = test::begin(loop, latch.wait());
    EXPECT_FALSE(test::run(loop, latch.wait(5ms)));
    EXPECT_FALSE(test::run(loop, latch.wait(5ms)));
    test::settle(loop);
    EXPECT_FALSE(patient->done);
    latch.set();
    ASSERT_TRUE(test::turn_until(loop, [&] { return patient->done; }));
}

TEST_F(LatchTest, HoldsAgainAfterAReset) {
    latch.set();
    latch.reset();
    EXPECT_FALSE(test::run(loop, latch.wait(5ms)));
}

// The alarm that ends the patience may be on its way already when the latch is set, and its waiter may then be the
// last who keeps the latch.
TEST_F(LatchTest, MayGoWithItsWaiterWhileTheAlarmIsOnItsWay) {
    auto own = std::make_shared<Latch>(loop.get_executor());
    const auto waiter = test::begin(loop, [](std::shared_ptr<Latch> kept) -> Task<> {
        co_await kept->wait(5ms);
        kept.reset();
    }(own));
    test::settle(loop);
    asio::post(loop, [&] {
        for (const auto end = Clock::now() + 10ms; Clock::now() < end;) {
        }
        own->set();
        own.reset();
    });
    ASSERT_TRUE(test::turn_until(loop, [&] { return waiter->done; }));
    test::settle(loop);
}

}  // namespace
}  // namespace virtbus
