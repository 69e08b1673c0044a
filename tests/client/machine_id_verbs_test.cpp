// SPDX-License-Identifier: LGPL-2.1-or-later
// The command lines of `machine-id` and `clone`, as far as they are read before anybody is called on the bus.
#include "machine_id_verbs.h"

#include <gtest/gtest.h>

#include "verbs.h"

namespace virtbusctl {

namespace {

struct Ran {
    int code;
    std::string output, errors;
};

Ran run_verbs(std::vector<std::string> words) {
    Program program;
    add_clone_verb(program);
    add_machine_id_verbs(program);
    words.insert(words.begin(), "virtbusctl");
    std::vector<char*> arguments;
    for (auto& word : words) arguments.push_back(word.data());
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    const int code = program.run(static_cast<int>(arguments.size()), arguments.data());
    return {code, testing::internal::GetCapturedStdout(), testing::internal::GetCapturedStderr()};
}

bool holds(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST(MachineIdVerbs, AreForMachinesOrForThisHostButNotForBoth) {
    EXPECT_NO_THROW(require_machines_or_host({"web", "db"}, false));
    EXPECT_NO_THROW(require_machines_or_host({}, true));
    EXPECT_THROW(require_machines_or_host({}, false), UsageError);
    EXPECT_THROW(require_machines_or_host({"web"}, true), UsageError);
}

TEST(MachineIdVerbs, RefuseToGuessWhoseIdIsToChange) {
    const auto ran = run_verbs({"machine-id", "regenerate"});
    EXPECT_EQ(ran.code, 2);
    EXPECT_TRUE(holds(ran.errors, "say which MACHINE is meant, or --host")) << ran.errors;
    EXPECT_EQ(run_verbs({"machine-id", "regenerate", "--host", "web"}).code, 2);
    EXPECT_EQ(run_verbs({"machine-id", "show", "--host", "web"}).code, 2);
}

TEST(MachineIdVerbs, ShowNoIdsOfAllAtOnce) {
    const auto ran = run_verbs({"machine-id", "show", "--id"});
    EXPECT_EQ(ran.code, 2);
    EXPECT_TRUE(holds(ran.errors, "--id is for one")) << ran.errors;
}

TEST(MachineIdVerbs, WantAllTheirArguments) {
    for (const auto& words : std::vector<std::vector<std::string>>{{"machine-id"},
                                                                   {"machine-id", "find"},
                                                                   {"machine-id", "refresh"},
                                                                   {"machine-id", "seal"},
                                                                   {"machine-id", "assign", "web"},
                                                                   {"clone", "web"}})
        EXPECT_EQ(run_verbs(words).code, 2) << words.back();
}

TEST(MachineIdVerbs, AllHaveHelp) {
    const auto page = run_verbs({"machine-id", "--help"});
    EXPECT_EQ(page.code, 0);
    for (const char* verb :
         {"show", "find", "audit", "refresh", "assign", "regenerate", "seal", "get", "ensure", "link-dbus"}) {
        const auto line = page.output.find("\n  " + std::string(verb) + " ");
        ASSERT_NE(line, std::string::npos) << verb;
        EXPECT_GT(page.output.find('\n', line + 1) - line, 30U) << verb << " does not say what it does";
        EXPECT_EQ(run_verbs({"machine-id", verb, "--help"}).code, 0) << verb;
    }
}

TEST(MachineIdVerbs, SayInTheirHelpWhatTheExitCodeTells) {
    for (const char* verb : {"audit", "find"})
        EXPECT_TRUE(holds(run_verbs({"machine-id", verb, "--help"}).output, "exit code 1 if")) << verb;
}

TEST(CloneVerb, SaysWhatItCanDoWithTheMachineId) {
    const auto page = run_verbs({"clone", "--help"});
    EXPECT_EQ(page.code, 0);
    for (const char* word : {"--linked", "--pool", "--hostname", "--no-wait", "regenerate", "seal", "keep"})
        EXPECT_TRUE(holds(page.output, word)) << word;
}

}  // namespace virtbusctl
