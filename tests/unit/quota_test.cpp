// SPDX-License-Identifier: LGPL-2.1-or-later
#include "base/quota.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace virtbus::test {
namespace {

TEST(Quota, GivesEachSoManyPlaces) {
    Quota<std::string> quota;
    const auto first = quota.take("a", 2);
    const auto second = quota.take("a", 2);
    EXPECT_TRUE(first && second);
    EXPECT_FALSE(quota.take("a", 2));
    EXPECT_TRUE(quota.take("b", 2)) << "another has its own";
    EXPECT_FALSE(quota.take("c", 0));
    EXPECT_EQ(quota.count("a"), 2U);
    EXPECT_EQ(quota.count("c"), 0U);
}

TEST(Quota, TakesAPlaceBackWhenItsLastCopyGoes) {
    Quota<int> quota;
    auto place = quota.take(1, 1);
    auto copy = place;
    place.reset();
    EXPECT_FALSE(quota.take(1, 1));
    copy.reset();
    EXPECT_EQ(quota.count(1), 0U);
    EXPECT_TRUE(quota.take(1, 1));
}

TEST(Quota, MayGoBeforeItsPlaces) {
    auto quota = std::make_unique<Quota<int>>();
    const auto place = quota->take(1, 1);
    quota.reset();
    EXPECT_TRUE(place);
}

}  // namespace
}  // namespace virtbus::test
