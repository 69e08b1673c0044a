// SPDX-License-Identifier: LGPL-2.1-or-later
#include "console_pump.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <string>

namespace virtbusctl {

namespace {

using namespace std::chrono_literals;

/// A console, an input and an output of which the test holds the other ends.
class ConsolePumpTest : public testing::Test {
protected:
    void SetUp() override {
        ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, console_.data()), 0);
        ASSERT_EQ(::pipe(input_.data()), 0);
        ASSERT_EQ(::pipe(output_.data()), 0);
    }

    void TearDown() override {
        for (const int descriptor : {console_[0], console_[1], input_[0], input_[1], output_[0], output_[1]})
            if (descriptor >= 0) ::close(descriptor);
    }

    static void close(int& descriptor) {
        ::close(descriptor);
        descriptor = -1;
    }

    static void write(int descriptor, const std::string& text) {
        ASSERT_EQ(::write(descriptor, text.data(), text.size()), static_cast<ssize_t>(text.size()));
    }

    static std::string read(int descriptor) {
        std::array<char, 4096> buffer;
        const auto size = ::read(descriptor, buffer.data(), buffer.size());
        return {buffer.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0))};
    }

    ConsolePump::End run(bool escape = false, std::optional<std::chrono::milliseconds> linger = 50ms) {
        SignalWatch signals({SIGUSR1});
        return ConsolePump({console_[0], input_[0], output_[1]}, escape, linger).run(signals);
    }

    std::array<int, 2> console_{-1, -1};
    std::array<int, 2> input_{-1, -1};
    std::array<int, 2> output_{-1, -1};
};

}  // namespace

TEST_F(ConsolePumpTest, CarriesBothWaysUntilTheInputHasEndedAndTheGuestIsSilent) {
    write(input_[1], "uname\n");
    close(input_[1]);
    write(console_[1], "Linux\n");
    EXPECT_EQ(run(), ConsolePump::End::input_ended);
    EXPECT_EQ(read(console_[1]), "uname\n");
    EXPECT_EQ(read(output_[0]), "Linux\n");
}

TEST_F(ConsolePumpTest, EndsWhenTheConsoleCloses) {
    write(console_[1], "bye\n");
    close(console_[1]);
    EXPECT_EQ(run(), ConsolePump::End::console_closed);
    EXPECT_EQ(read(output_[0]), "bye\n");
}

TEST_F(ConsolePumpTest, LeavesAtTheEscapeKeyAfterSendingWhatWasTypedBefore) {
    write(input_[1],
          "ab\x1d"
          "cd");
    EXPECT_EQ(run(true), ConsolePump::End::left);
    EXPECT_EQ(read(console_[1]), "ab");
}

TEST_F(ConsolePumpTest, PassesTheEscapeKeyThroughWhenNobodyTypes) {
    write(input_[1],
          "ab\x1d"
          "cd");
    close(input_[1]);
    EXPECT_EQ(run(false), ConsolePump::End::input_ended);
    EXPECT_EQ(read(console_[1]),
              "ab\x1d"
              "cd");
}

TEST_F(ConsolePumpTest, LingersUntilTheConsoleClosesIfToldSo) {
    close(input_[1]);
    close(console_[1]);
    EXPECT_EQ(run(false, {}), ConsolePump::End::console_closed);
}

TEST_F(ConsolePumpTest, EndsAtASignal) {
    SignalWatch outer({SIGUSR1});
    ::raise(SIGUSR1);
    EXPECT_EQ(run(), ConsolePump::End::signal);
}

}  // namespace virtbusctl
