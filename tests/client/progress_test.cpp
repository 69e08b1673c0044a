// SPDX-License-Identifier: LGPL-2.1-or-later
#include "progress.h"

#include <gtest/gtest.h>

#include "text.h"

namespace virtbusctl {

using namespace std::chrono_literals;

namespace {

constexpr std::uint64_t mib = 1 << 20;

Json half_done() { return {{"Progress", 0.5}, {"Processed", 512 * mib}, {"Total", 1024 * mib}}; }

Json job_at(double progress) { return {{"Progress", progress}}; }

}  // namespace

TEST(ProgressText, TellsAllThatTheJobKnows) {
    const Json job = {
        {"Progress", 0.429}, {"Processed", 600 * mib}, {"Total", 1400 * mib}, {"RemainingUSec", 8000000U}};
    EXPECT_EQ(progress_text(job, {2s, 300.0 * mib}), "42 %, 600 MiB of 1.4 GiB, 300 MiB/s, 8 s left");
}

TEST(ProgressText, EstimatesWhatIsLeftWhenTheJobDoesNotSay) {
    EXPECT_EQ(progress_text(half_done(), {10s, 64.0 * mib}), "50 %, 512 MiB of 1 GiB, 64 MiB/s, 8 s left");
}

TEST(ProgressText, SaysForHowLongItWorksWhenNothingIsKnownOfTheEnd) {
    EXPECT_EQ(progress_text(half_done(), {10s, 0}), "50 %, 512 MiB of 1 GiB, 10 s");
    EXPECT_EQ(progress_text(half_done(), {10s, 1.0}), "50 %, 512 MiB of 1 GiB, 1 B/s, 10 s");
}

TEST(ProgressText, KnowsTheShareFromTheBytes) {
    EXPECT_EQ(progress_text({{"Progress", -1.0}, {"Processed", mib}, {"Total", 4 * mib}}, {}), "25 %, 1 MiB of 4 MiB");
}

TEST(ProgressText, IsTheTimeWhenNothingElseIsKnown) {
    EXPECT_EQ(progress_text({{"Progress", -1.0}, {"Processed", 0U}, {"Total", 0U}}, {12s, 0}), "12 s");
    EXPECT_EQ(progress_text(Json::object(), {}), "0 s");
}

TEST(ProgressBar, FillsUp) {
    EXPECT_EQ(progress_bar(job_at(0.0), 4), "[    ]");
    EXPECT_EQ(progress_bar(job_at(0.5), 4), "[##  ]");
    EXPECT_EQ(progress_bar(job_at(1.0), 4), "[####]");
    EXPECT_EQ(progress_bar(job_at(7.0), 4), "[####]");
    EXPECT_EQ(progress_bar(job_at(-1.0), 4), "");
}

TEST(ProgressLine, GivesTheBarWhatTheWidthLeaves) {
    EXPECT_EQ(progress_line("cloning web", job_at(0.5), {}, 40), "cloning web: [##########          ] 50 %");
    EXPECT_EQ(progress_line("cloning web", job_at(0.5), {}, 39), "cloning web: [#####     ] 50 %");
}

TEST(ProgressLine, HasNoBarOfMoreThanFortyColumns) {
    const auto line = progress_line("cloning web", job_at(0.5), {}, 300);
    EXPECT_EQ(line, "cloning web: [####################                    ] 50 %");
}

TEST(ProgressLine, LeavesTheBarOutWhereItIsTooSmall) {
    EXPECT_EQ(progress_line("cloning web", job_at(0.5), {}, 29), "cloning web: 50 %");
    EXPECT_EQ(progress_line("cloning web", job_at(-1), {3s, 0}, 80), "cloning web: 3 s");
}

TEST(ProgressLine, CutsTheNameBeforeTheFigures) {
    EXPECT_EQ(progress_line("cloning default/web.qcow2", job_at(0.5), {}, 20), "cloning defau…: 50 %");
}

TEST(ProgressLine, KeepsASmallBarAtTheCostOfALongName) {
    EXPECT_EQ(progress_line("cloning default/web.qcow2", job_at(0.5), {}, 37), "cloning default/w…: [#####     ] 50 %");
    EXPECT_EQ(progress_line("cloning default/web.qcow2", job_at(0.5), {}, 34), "cloning default/web.qcow2: 50 %");
}

TEST(ProgressLine, NeverTakesMoreThanTheWidth) {
    for (std::size_t columns = 0; columns < 200; columns++) {
        const auto line = progress_line("cloning default/wéb.qcow2", half_done(), {10s, 64.0 * mib}, columns);
        EXPECT_LE(display_width(line), columns) << line;
    }
}

TEST(LogPace, IsDueAtEveryTenPercentButAtMostOnceASecond) {
    const LogPace::Time begin{};
    LogPace pace(begin);
    EXPECT_FALSE(pace.due(job_at(0.15), begin + 500ms));
    EXPECT_TRUE(pace.due(job_at(0.15), begin + 1s));
    EXPECT_FALSE(pace.due(job_at(0.19), begin + 3s));
    EXPECT_TRUE(pace.due(job_at(0.21), begin + 3s));
    EXPECT_FALSE(pace.due(job_at(0.95), begin + 3500ms));
    EXPECT_TRUE(pace.due(job_at(0.95), begin + 4s));
}

TEST(LogPace, SaysThatASlowJobLives) {
    const LogPace::Time begin{};
    LogPace pace(begin);
    EXPECT_FALSE(pace.due(job_at(0.05), begin + 59s));
    EXPECT_TRUE(pace.due(job_at(0.05), begin + 60s));
    EXPECT_FALSE(pace.due(job_at(0.05), begin + 61s));
}

TEST(LogPace, IsDueEveryTenSecondsWhenTheProgressIsNotKnown) {
    const LogPace::Time begin{};
    LogPace pace(begin);
    EXPECT_FALSE(pace.due(job_at(-1), begin + 9s));
    EXPECT_TRUE(pace.due(job_at(-1), begin + 10s));
    EXPECT_FALSE(pace.due(job_at(-1), begin + 19s));
    EXPECT_TRUE(pace.due(job_at(-1), begin + 20s));
}

TEST(JobWords, KnowTheKindsThatTheDaemonHas) {
    for (const char* kind : {"start", "shutdown", "save", "refresh", "create", "import", "clone", "convert", "resize",
                             "flatten", "rebase", "export", "wipe", "check", "delete"})
        EXPECT_NE(job_words(kind).gerund, kind);
    for (const char* kind :
         {"machine-id-refresh", "machine-id-assign", "machine-id-regenerate", "machine-id-seal", "machine-id-audit"})
        EXPECT_NE(job_words(kind).gerund, kind);
    EXPECT_EQ(job_words("rebase").infinitive, "rebase");
}

TEST(JobWords, AreFollowedByWhoseMachineIdItIs) {
    EXPECT_EQ(job_words("machine-id-assign").infinitive + " web", "set the machine-id of web");
    EXPECT_EQ(job_words("machine-id-audit").gerund + " this host", "auditing machine-ids on this host");
}

TEST(JobWords, FallBackToTheKind) {
    EXPECT_EQ(job_words("shutdown").infinitive, "shut down");
    EXPECT_EQ(job_words("migrate").gerund, "migrate");
}

}  // namespace virtbusctl
