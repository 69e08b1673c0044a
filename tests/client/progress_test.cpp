// SPDX-License-Identifier: LGPL-2.1-or-later
#include "progress.h"

#include <gtest/gtest.h>

namespace virtbusctl {

using namespace std::chrono_literals;

TEST(ProgressText, TellsAllThatTheJobKnows) {
    const Json job = {
        {"Progress", 0.429}, {"Processed", 600ULL << 20}, {"Total", 1400ULL << 20}, {"RemainingUSec", 8000000U}};
    EXPECT_EQ(progress_text(job, 2s), "42 %, 600 MiB of 1.4 GiB, 300 MiB/s, 8 s left");
}

TEST(ProgressText, IsTheTimeWhenNothingElseIsKnown) {
    EXPECT_EQ(progress_text({{"Progress", -1.0}, {"Processed", 0U}, {"Total", 0U}}, 12s), "12 s");
    EXPECT_EQ(progress_text(Json::object(), 0s), "0 s");
}

TEST(ProgressBar, FillsUp) {
    EXPECT_EQ(progress_bar({{"Progress", 0.0}}, 4), "[    ]");
    EXPECT_EQ(progress_bar({{"Progress", 0.5}}, 4), "[##  ]");
    EXPECT_EQ(progress_bar({{"Progress", 1.0}}, 4), "[####]");
    EXPECT_EQ(progress_bar({{"Progress", 7.0}}, 4), "[####]");
    EXPECT_EQ(progress_bar({{"Progress", -1.0}}, 4), "");
}

TEST(JobWords, FallBackToTheKind) {
    EXPECT_EQ(job_words("shutdown").infinitive, "shut down");
    EXPECT_EQ(job_words("migrate").gerund, "migrate");
}

}  // namespace virtbusctl
