// SPDX-License-Identifier: LGPL-2.1-or-later
// Starts virtbusd before the first test, and ends it as its service manager would after the last: no sanitizer may
// have complained by then.
#include "instance.h"

#include <gtest/gtest.h>

#include <csignal>

namespace virtbus::test {

namespace {

class DaemonRuns : public testing::Environment {
    void SetUp() override { Daemon::instance().start(); }
    void TearDown() override { EXPECT_EQ(Daemon::instance().stop(), 0) << Daemon::instance().log(); }
};

}  // namespace

}  // namespace virtbus::test

int main(int argc, char** argv) {
    std::signal(SIGPIPE, SIG_IGN);  // a reader that goes is what some tests are about
    testing::InitGoogleTest(&argc, argv);
    testing::AddGlobalTestEnvironment(new virtbus::test::DaemonRuns);
    return RUN_ALL_TESTS();
}
