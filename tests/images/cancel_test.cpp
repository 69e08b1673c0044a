// SPDX-License-Identifier: LGPL-2.1-or-later
// Jobs that are cancelled at any moment: what they had half made is gone, and what they work on is as it was.
#include "interrupted_test.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <array>
#include <thread>

namespace virtbus::test {

/// What a process syncs to a busy disk nobody can interrupt.
constexpr double longest_end = 30;

class CancelTest : public InterruptedTest, public testing::WithParamInterface<std::string> {};

TEST_P(CancelTest, AtAnyMoment) {
    constexpr int moments = 10;
    const auto what = operation(GetParam());
    const auto whole = time_of(what);
    std::map<std::string, int> states;
    for (int i = 0; i < moments; ++i) {
        make_ready(what);
        const std::string job = what.begin();
        std::this_thread::sleep_for(random_part(whole));
        const auto asked = Clock::now();
        const auto failure = failure_of([&] { actor.job(job)->Cancel({}); });
        EXPECT_TRUE(failure.name.empty() || failure.name == errors::invalid_state) << failure;
        const auto end = ended(job);
        EXPECT_TRUE(end.state == "cancelled" || end.state == "done") << end;
        EXPECT_LT(seconds_since(asked), longest_end) << "as if nobody had cancelled";
        ++states[end.state];
        expect_whole(what, end);
        clean(what);
        if (HasFailure()) break;
    }
    fmt::print("{} of {:.2f} s: {} times cancelled, {} times done\n", what.name,
               std::chrono::duration<double>(whole).count(), states["cancelled"], states["done"]);
}

INSTANTIATE_TEST_SUITE_P(Operations, CancelTest,
                         testing::Values("clone", "convert", "flatten", "rebase", "wipe", "import", "export", "create"),
                         [](const auto& operation) { return operation.param; });

using CancelWaitingTest = ImagesTest;

TEST_F(CancelWaitingTest, AnImportThatNothingComesFor) {
    std::array<int, 2> ends{};
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
    const sdbus::UnixFd theirs(ends[0], sdbus::adopt_fd);
    const sdbus::UnixFd ours(ends[1], sdbus::adopt_fd);
    const std::string job = pool()->ImportImage("disk", theirs, "raw", {});
    ASSERT_EQ(::send(ours.get(), "some", 4, 0), 4);
    ASSERT_TRUE(actor.wait_until([&] { return !temporaries_in(directory()).empty(); }));
    EXPECT_EQ(listed(), std::vector<std::string>{});
    actor.job(job)->Cancel({});
    const auto asked = Clock::now();
    EXPECT_EQ(ended(job).state, "cancelled");
    EXPECT_LT(seconds_since(asked), longest_end);
    EXPECT_EQ(names_in(directory()), std::vector<std::string>{});
}

TEST_F(CancelWaitingTest, AnExportThatNobodyReads) {
    make_random(outside() / "disk", 4 * mebibyte);
    ASSERT_THAT(import("disk", outside() / "disk", "raw"), Succeeded());
    std::array<int, 2> ends{};
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
    const sdbus::UnixFd theirs(ends[0], sdbus::adopt_fd);
    const sdbus::UnixFd ours(ends[1], sdbus::adopt_fd);
    const std::string job = image("disk")->Export(theirs, {{"format", "qcow2"}});
    ASSERT_TRUE(actor.wait_until([&] { return actor.job(job)->Processed() > 0; }));
    actor.job(job)->Cancel({});
    EXPECT_EQ(ended(job).state, "cancelled");
    EXPECT_EQ(names_in(directory()), std::vector<std::string>{"disk"});
}

}  // namespace virtbus::test
