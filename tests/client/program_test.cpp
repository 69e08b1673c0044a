// SPDX-License-Identifier: LGPL-2.1-or-later
// What is said of a command line that cannot be.
#include "program.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <sstream>

#include "verbs.h"

namespace virtbusctl {

namespace {

int run(std::vector<std::string> words) {
    Program program;
    for (const auto add : {add_list_verb, add_set_verb, add_image_verbs, add_complete_verb}) add(program);
    words.insert(words.begin(), "virtbusctl");
    std::vector<char*> arguments;
    for (auto& word : words) arguments.push_back(word.data());
    return program.run(static_cast<int>(arguments.size()), arguments.data());
}

/// What a wrong command line gets: what is wrong, and where to read on.
std::vector<std::string> refused(const std::vector<std::string>& words) {
    testing::internal::CaptureStderr();
    const int code = run(words);
    std::istringstream text(testing::internal::GetCapturedStderr());
    EXPECT_EQ(code, 2) << text.str();
    std::vector<std::string> lines;
    for (std::string line; std::getline(text, line);) lines.push_back(line);
    lines.resize(2);
    return lines;
}

std::string refusal(const std::vector<std::string>& words) { return refused(words)[0]; }
std::string advice(const std::vector<std::string>& words) { return refused(words)[1]; }

}  // namespace

TEST(Program, NamesTheWordThatIsNoVerb) {
    EXPECT_EQ(refusal({"frobnicate"}), "virtbusctl: there is no verb \"frobnicate\"");
    EXPECT_EQ(refusal({"frobnicate", "list"}), "virtbusctl: there is no verb \"frobnicate\"");
    EXPECT_EQ(refusal({"image", "frobnicate"}), "virtbusctl: there is no verb \"frobnicate\"");
    EXPECT_EQ(refusal({"image", "frobnicate", "list"}), "virtbusctl: there is no verb \"frobnicate\"");
}

TEST(Program, GuessesWhatWasMeant) {
    EXPECT_EQ(refusal({"lst"}), "virtbusctl: there is no verb \"lst\"; did you mean \"list\"?");
    EXPECT_EQ(refusal({"image", "imprt", "a"}), "virtbusctl: there is no verb \"imprt\"; did you mean \"import\"?");
    EXPECT_EQ(refusal({"image", "rm", "a"}), "virtbusctl: there is no verb \"rm\"; did you mean \"delete\"?");
    EXPECT_EQ(refusal({"image", "create", "a", "--siez=1G"}),
              "virtbusctl: there is no option \"--siez=1G\" here; did you mean \"--size\"?");
    EXPECT_EQ(refusal({"list", "--jsn"}), "virtbusctl: there is no option \"--jsn\" here; did you mean \"--json\"?");
    EXPECT_EQ(refusal({"image", "creat", "a", "--siez=1G"}),
              "virtbusctl: there is no verb \"creat\"; did you mean \"create\"?");
    EXPECT_EQ(refusal({"complet"}), "virtbusctl: there is no verb \"complet\"") << "hidden verbs are not for people";
}

TEST(Program, TellsWhatIsMissingOrTooMuch) {
    EXPECT_EQ(refusal({"image"}), "virtbusctl: a verb is missing");
    EXPECT_EQ(refusal({"list", "web"}), "virtbusctl: \"web\" is one word too many");
    EXPECT_EQ(refusal({"image", "list", "web"}), "virtbusctl: \"web\" is one word too many");
    EXPECT_EQ(refusal({"image", "show"}), "virtbusctl: IMAGE is required");
    EXPECT_EQ(refusal({"list", "--state"}), "virtbusctl: --state needs a value: TEXT");
    EXPECT_EQ(refusal({"set", "web", "memory=1G", "memory=2G"}), "virtbusctl: \"memory\" is given twice");
    EXPECT_EQ(refusal({"set", "web", "memroy=1G"}),
              "virtbusctl: there is no setting \"memroy\"; there are memory, maximum-memory, vcpus, maximum-vcpus, "
              "autostart, title, description, tags");
    EXPECT_EQ(refusal({"image", "show", "-x"}), "virtbusctl: there is no option \"-x\" here");
}

TEST(Program, SaysWhereToReadOn) {
    EXPECT_EQ(advice({"lst"}), "Try \"virtbusctl --help\".");
    EXPECT_EQ(advice({"image", "imprt"}), "Try \"virtbusctl image --help\".");
    EXPECT_EQ(advice({"image", "resize", "a"}), "Try \"virtbusctl image resize --help\".");
}

TEST(Program, ReportsInOneSentence) {
    const auto reported = [](const char* doing, const char* why) {
        testing::internal::CaptureStderr();
        Program::report(doing, why);
        return testing::internal::GetCapturedStderr();
    };
    EXPECT_EQ(reported("start web", "it is gone"), "virtbusctl: cannot start web: it is gone\n");
    EXPECT_EQ(reported("start web", "Domain not found"), "virtbusctl: cannot start web: domain not found\n");
    EXPECT_EQ(reported("start web", "QEMU is gone"), "virtbusctl: cannot start web: QEMU is gone\n");
    EXPECT_EQ(reported("start web", "Cannot start web: full"), "virtbusctl: cannot start web: full\n");
    EXPECT_EQ(reported("", "Domain not found"), "virtbusctl: domain not found\n");
    EXPECT_EQ(reported("start web", ""), "virtbusctl: cannot start web: \n");
}

TEST(Program, TakesHelpForAVerbToo) {
    for (const auto& words : {std::vector<std::string>{"help", "image", "create"}, {"image", "create", "--help"}}) {
        testing::internal::CaptureStdout();
        EXPECT_EQ(run(words), 0);
        EXPECT_NE(testing::internal::GetCapturedStdout().find("Usage: virtbusctl image create "), std::string::npos);
    }
}

TEST(Program, FailsWhenItCannotWrite) {
    const int full = ::open("/dev/full", O_WRONLY | O_CLOEXEC);
    ASSERT_GE(full, 0);
    std::fflush(stdout);
    const int output = ::dup(STDOUT_FILENO);
    ::dup2(full, STDOUT_FILENO);
    testing::internal::CaptureStderr();
    const int of_help = run({"help"});
    const int of_completion = run({"complete", "--", "im"});
    const auto text = testing::internal::GetCapturedStderr();
    std::clearerr(stdout);
    ::dup2(output, STDOUT_FILENO);
    for (const int descriptor : {full, output}) ::close(descriptor);
    EXPECT_EQ(of_help, 1);
    EXPECT_EQ(of_completion, 1);
    EXPECT_EQ(text, "virtbusctl: cannot write the output\nvirtbusctl: cannot write the output\n");
}

TEST(Program, EndsWellWhenNobodyCanBeTold) {
    const int full = ::open("/dev/full", O_WRONLY | O_CLOEXEC);
    ASSERT_GE(full, 0);
    const int errors = ::dup(STDERR_FILENO);
    ::dup2(full, STDERR_FILENO);
    const int code = run({"image", "imprt"});
    ::dup2(errors, STDERR_FILENO);
    for (const int descriptor : {full, errors}) ::close(descriptor);
    EXPECT_EQ(code, 2);
}

}  // namespace virtbusctl
