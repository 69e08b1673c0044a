// SPDX-License-Identifier: LGPL-2.1-or-later
// What each of libvirt's drivers can do, and what callers hear of the rest.
#include "model/driver_features.h"

#include "support/errors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace virtbus::test {
namespace {

using testing::Contains;
using testing::IsEmpty;
using testing::Not;

HypervisorInfo driver(const std::string& name, bool has_events = true) {
    HypervisorInfo info;
    info.driver = name;
    info.has_events = has_events;
    return info;
}

TEST(FeaturesTest, DependOnTheDriver) {
    EXPECT_EQ(features_of(driver("qemu")).size(), 17U);
    EXPECT_THAT(features_of(driver("esx", false)), Not(Contains(Feature::rename)));
    EXPECT_THAT(features_of(driver("test")), Contains(Feature::rename));
    EXPECT_THAT(features_of(driver("test")), Not(Contains(Feature::console)));
    EXPECT_THAT(features_of(driver("lxc")), Not(Contains(Feature::save)));
    EXPECT_THAT(features_of(driver("lxc")), Not(Contains(Feature::pools))) << "else each image is there twice";
    EXPECT_THAT(features_of(driver("vmware", false)), Not(Contains(Feature::pools)));
}

TEST(FeaturesTest, OfEventsTheHypervisorHasTheLastWord) {
    EXPECT_THAT(features_of(driver("qemu", false)), Not(Contains(Feature::events)));
    EXPECT_THAT(features_of(driver("esx", true)), Contains(Feature::events));
}

TEST(FeaturesTest, WhatIsNotKnownIsNotRefused) {
    EXPECT_THAT(features_of(driver("")), IsEmpty()) << "it was never connected to";
    EXPECT_EQ(features_of(driver("brand-new")).size(), 18U);
    require_feature("lab", driver(""), Feature::rename);
    require_feature("lab", driver("brand-new"), Feature::rename);
}

TEST(FeaturesTest, ARefusalNamesHypervisorAndDriver) {
    const auto outcome = outcome_of([] { require_feature("lab", driver("esx", false), Feature::rename); });
    EXPECT_TRUE(
        refuses(outcome, Code::not_supported, "hypervisor lab: libvirt's driver for it, esx, cannot rename machines"))
        << outcome;
    require_feature("lab", driver("esx", false), Feature::pause);
}

TEST(FeaturesTest, EachHasItsOwnWord) {
    std::vector<std::string_view> words;
    for (const auto feature : features_of(driver("qemu"))) words.push_back(to_string(feature));
    std::sort(words.begin(), words.end());
    EXPECT_EQ(std::adjacent_find(words.begin(), words.end()), words.end());
    EXPECT_THAT(words, Contains("resize-online"));
    EXPECT_THAT(words, Not(Contains("")));
}

}  // namespace
}  // namespace virtbus::test
