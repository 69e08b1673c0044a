// SPDX-License-Identifier: LGPL-2.1-or-later
// Runs as root of a throwaway system: see tests/support/system/run-system.
#include "commands.h"

#include <gtest/gtest.h>

#include <csignal>
#include <iostream>

namespace virtbus::test {

namespace {

/// What it has written is the first thing that one wants to see.
class Journal final : public testing::EmptyTestEventListener {
    void OnTestStart(const testing::TestInfo&) override { cursor_ = output_of({"date", "+%s.%N"}); }
    void OnTestEnd(const testing::TestInfo& test) override {
        if (test.result()->Failed())
            std::cerr << run_command({"journalctl", "--no-pager", "--since", "@" + cursor_}).text << std::flush;
    }

    std::string cursor_;
};

}  // namespace

}  // namespace virtbus::test

int main(int argc, char** argv) {
    std::signal(SIGPIPE, SIG_IGN);
    testing::InitGoogleTest(&argc, argv);
    testing::UnitTest::GetInstance()->listeners().Append(new virtbus::test::Journal);
    virtbus::test::write_configuration();
    return RUN_ALL_TESTS();
}
