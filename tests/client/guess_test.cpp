// SPDX-License-Identifier: LGPL-2.1-or-later
#include "guess.h"

#include <gtest/gtest.h>

namespace virtbusctl {

namespace {

const std::vector<std::string>& verbs() {
    static const std::vector<std::string> known{"list",   "show",  "create", "set",    "start",   "shutdown",
                                                "reboot", "pause", "run",    "delete", "poweroff"};
    return known;
}

}  // namespace

TEST(Nearest, TakesWhatIsMistyped) {
    EXPECT_EQ(nearest("creat", verbs()), "create");
    EXPECT_EQ(nearest("craete", verbs()), "create");
    EXPECT_EQ(nearest("creatte", verbs()), "create");
    EXPECT_EQ(nearest("lst", verbs()), "list");
    EXPECT_EQ(nearest("strat", verbs()), "start");
    EXPECT_EQ(nearest("shutdwon", verbs()), "shutdown");
    EXPECT_EQ(nearest("--siez", {"--size", "--format"}), "--size");
}

TEST(Nearest, TakesTheNearestOfSeveral) {
    EXPECT_EQ(nearest("deletee", {"delegate", "delete"}), "delete");
    EXPECT_EQ(nearest("imagee", {"imaged", "image"}), "imaged");  // of equals the first
}

TEST(Nearest, TakesNothingThatIsFar) {
    EXPECT_EQ(nearest("web", verbs()), "");
    EXPECT_EQ(nearest("stop", verbs()), "");
    EXPECT_EQ(nearest("migrate", verbs()), "");
    EXPECT_EQ(nearest("", verbs()), "");
    EXPECT_EQ(nearest("-", {"-h"}), "");
    EXPECT_EQ(nearest("-V", {"-v", "-h"}), "");
    EXPECT_EQ(nearest(std::string(100'000, 'a'), verbs()), "");
    EXPECT_EQ(nearest("create", {}), "");
}

TEST(GuessVerb, KnowsTheWordsOfOtherTools) {
    EXPECT_EQ(guess_verb("stop", verbs()), "shutdown");
    EXPECT_EQ(guess_verb("undefine", verbs()), "delete");
    EXPECT_EQ(guess_verb("exec", verbs()), "run");
    EXPECT_EQ(guess_verb("creat", verbs()), "create");
}

TEST(GuessVerb, GuessesOnlyVerbsThatThereAre) {
    EXPECT_EQ(guess_verb("destroy", verbs()), "poweroff");
    EXPECT_EQ(guess_verb("destroy", {"start", "stop"}), "stop");
    EXPECT_EQ(guess_verb("destroy", {"list"}), "");
    EXPECT_EQ(guess_verb("delete", {"list", "add", "remove"}), "remove");
}

}  // namespace virtbusctl
