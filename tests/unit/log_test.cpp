// SPDX-License-Identifier: LGPL-2.1-or-later
// The log's levels and targets have the names that org.freedesktop.LogControl1(5) gives them.
#include "base/log.h"

#include <gtest/gtest.h>
#include <syslog.h>

namespace virtbus::log {
namespace {

TEST(Log, LevelsHaveTheNumbersOfSyslog) {
    EXPECT_EQ(static_cast<int>(Level::emerg), LOG_EMERG);
    EXPECT_EQ(static_cast<int>(Level::warning), LOG_WARNING);
    EXPECT_EQ(static_cast<int>(Level::debug), LOG_DEBUG);
}

TEST(Log, EachLevelIsReadBackFromItsName) {
    for (int number = LOG_EMERG; number <= LOG_DEBUG; ++number) {
        const auto level = static_cast<Level>(number);
        EXPECT_EQ(level_from(to_string(level)), level);
    }
    EXPECT_FALSE(level_from("warn"));
    EXPECT_FALSE(level_from(""));
    EXPECT_FALSE(level_from("DEBUG"));
}

TEST(Log, EachTargetIsReadBackFromItsName) {
    for (const auto target : {Target::automatic, Target::journal, Target::console})
        EXPECT_EQ(target_from(to_string(target)), target);
    EXPECT_EQ(to_string(Target::automatic), "auto");
    EXPECT_FALSE(target_from("kmsg"));
}

TEST(Log, WritesOnlyWhatIsImportantEnough) {
    const auto before = level();
    set_target(Target::console);
    testing::internal::CaptureStderr();
    set_level(Level::warning);
    info("not this");
    warning("but this", {{"VIRTBUS_MACHINE", "web"}});
    set_level(Level::debug);
    debug("and this", {{"VIRTBUS_MACHINE", "web"}});
    const auto written = testing::internal::GetCapturedStderr();
    set_level(before);
    set_target(Target::automatic);
    EXPECT_EQ(written, "virtbusd: warning: but this\nvirtbusd: debug: and this VIRTBUS_MACHINE=web\n");
}

}  // namespace
}  // namespace virtbus::log
