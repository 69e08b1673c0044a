// SPDX-License-Identifier: LGPL-2.1-or-later
#include "rate_meter.h"

#include <gtest/gtest.h>

namespace virtbusctl {

using namespace std::chrono_literals;

constexpr RateMeter::Time start{};

TEST(RateMeter, KnowsNothingInTheFirstSecond) {
    RateMeter meter;
    EXPECT_EQ(meter.rate(), 0);
    meter.add(0, start);
    EXPECT_EQ(meter.rate(), 0);
    meter.add(500, start + 500ms);
    EXPECT_EQ(meter.rate(), 0);
    meter.add(1000, start + 1s);
    EXPECT_DOUBLE_EQ(meter.rate(), 1000);
}

TEST(RateMeter, CountsWhatItHasSeenItself) {
    RateMeter meter;
    meter.add(1'000'000, start);  // of a job that ran before
    meter.add(1'000'400, start + 2s);
    EXPECT_DOUBLE_EQ(meter.rate(), 200);
}

TEST(RateMeter, ForgetsWhatIsLongAgo) {
    RateMeter meter;
    std::uint64_t processed = 0;
    for (int second = 0; second <= 30; second++) meter.add(processed += 1000, start + second * 1s);
    EXPECT_DOUBLE_EQ(meter.rate(), 1000);
    for (int second = 31; second <= 45; second++) meter.add(processed, start + second * 1s);
    EXPECT_DOUBLE_EQ(meter.rate(), 0);
}

TEST(RateMeter, BeginsAnewWhenTheBytesDo) {
    RateMeter meter;
    meter.add(5000, start);
    meter.add(100, start + 2s);
    EXPECT_EQ(meter.rate(), 0);
    meter.add(300, start + 4s);
    EXPECT_DOUBLE_EQ(meter.rate(), 100);
}

}  // namespace virtbusctl
