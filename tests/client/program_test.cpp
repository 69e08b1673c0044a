// SPDX-License-Identifier: LGPL-2.1-or-later
// What is said of a command line that cannot be.
#include "program.h"

#include <gtest/gtest.h>

#include "verbs.h"

namespace virtbusctl {

namespace {

/// The first line of what a wrong command line gets.
std::string refusal(std::vector<std::string> words) {
    Program program;
    for (const auto add : {add_list_verb, add_image_verbs}) add(program);
    words.insert(words.begin(), "virtbusctl");
    std::vector<char*> arguments;
    for (auto& word : words) arguments.push_back(word.data());
    testing::internal::CaptureStderr();
    const int code = program.run(static_cast<int>(arguments.size()), arguments.data());
    const auto text = testing::internal::GetCapturedStderr();
    EXPECT_EQ(code, 2) << text;
    return text.substr(0, text.find('\n'));
}

}  // namespace

TEST(Program, NamesTheWordThatIsNoVerb) {
    EXPECT_EQ(refusal({"lst"}), "virtbusctl: there is no verb \"lst\"");
    EXPECT_EQ(refusal({"hypervizor", "list"}), "virtbusctl: there is no verb \"hypervizor\"");
    EXPECT_EQ(refusal({"image", "lst"}), "virtbusctl: there is no verb \"lst\"");
}

TEST(Program, TellsWhatIsMissingOrTooMuch) {
    EXPECT_EQ(refusal({"image"}), "virtbusctl: a verb is missing");
    EXPECT_EQ(refusal({"list", "web"}), "virtbusctl: \"web\" is one word too many");
    EXPECT_EQ(refusal({"list", "--sate"}), "virtbusctl: there is no option \"--sate\" here");
}

}  // namespace virtbusctl
