// SPDX-License-Identifier: LGPL-2.1-or-later
#include "terminal.h"

#include <gtest/gtest.h>
#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

namespace virtbusctl {

namespace {

class RawTerminalTest : public testing::Test {
protected:
    void SetUp() override { ASSERT_EQ(::openpty(&controller_, &terminal_, nullptr, nullptr, nullptr), 0); }

    void TearDown() override {
        ::close(controller_);
        ::close(terminal_);
    }

    [[nodiscard]] termios mode() const {
        termios mode{};
        EXPECT_EQ(::tcgetattr(terminal_, &mode), 0);
        return mode;
    }

    int controller_ = -1;
    int terminal_ = -1;
};

}  // namespace

TEST_F(RawTerminalTest, IsRawWhileItLivesAndThenAsBefore) {
    const auto before = mode();
    {
        const RawTerminal raw(terminal_);
        EXPECT_TRUE(raw.is_terminal());
        EXPECT_EQ(mode().c_lflag & static_cast<tcflag_t>(ICANON | ECHO | ISIG), 0U);
    }
    EXPECT_EQ(mode().c_lflag, before.c_lflag);
    EXPECT_EQ(mode().c_iflag, before.c_iflag);
    EXPECT_EQ(mode().c_oflag, before.c_oflag);
    EXPECT_EQ(mode().c_cc[VEOF], before.c_cc[VEOF]);
}

TEST(RawTerminal, LeavesWhatIsNoTerminalAlone) {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    EXPECT_FALSE(RawTerminal(ends[0]).is_terminal());
    ::close(ends[0]);
    ::close(ends[1]);
}

TEST(StandardStreams, AreFilledWithWhatCannotBeUsed) {
    const auto child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        for (const int descriptor : {0, 1, 2}) ::close(descriptor);
        fill_standard_streams();
        char byte = 0;
        const bool refused = ::read(0, &byte, 1) < 0 && ::write(1, &byte, 1) < 0 && ::write(2, &byte, 1) < 0;
        const int next = ::dup(1);
        ::_exit(refused && next > 2 ? 0 : 1);
    }
    int status = -1;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
}

TEST(StandardStreams, StayWhenTheyAreThere) {
    const int before = ::dup(1);
    fill_standard_streams();
    const int after = ::dup(1);
    EXPECT_EQ(after, before + 1);
    ::close(before);
    ::close(after);
}

}  // namespace virtbusctl
