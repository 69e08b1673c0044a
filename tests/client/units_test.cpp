// SPDX-License-Identifier: LGPL-2.1-or-later
#include "units.h"

#include <gtest/gtest.h>

#include "failure.h"

namespace virtbusctl {

using namespace std::chrono_literals;

TEST(ParseSize, UnderstandsUnitsAsPowersOf1024) {
    EXPECT_EQ(parse_size("0B"), 0U);
    EXPECT_EQ(parse_size("4096B"), 4096U);
    EXPECT_EQ(parse_size("1K"), 1024U);
    EXPECT_EQ(parse_size("64KiB"), 64U << 10);
    EXPECT_EQ(parse_size("512m"), 512U << 20);
    EXPECT_EQ(parse_size("2 GiB"), 2ULL << 30);
    EXPECT_EQ(parse_size("16T"), 16ULL << 40);
}

TEST(ParseSize, UnderstandsFractions) {
    EXPECT_EQ(parse_size("1.5G"), 3ULL << 29);
    EXPECT_EQ(parse_size("0.5KiB"), 512U);
}

TEST(ParseSize, RefusesABareNumberBecauseItsUnitWouldBeAGuess) { EXPECT_THROW((void)parse_size("512"), UsageError); }

TEST(ParseSize, RefusesWhatIsNoSize) {
    for (const char* text :
         {"", "M", "-1M", "+1M", "1.M", ".5M", "1MB", "1X", "1M 2K", "0x10M", "1e3M", "1.0000000001M"})
        EXPECT_THROW((void)parse_size(text), UsageError) << text;
}

TEST(ParseSize, RefusesWhatDoesNotFit) {
    EXPECT_EQ(parse_size("16777215T"), 16777215ULL << 40);
    EXPECT_THROW((void)parse_size("16777216T"), UsageError);
    EXPECT_THROW((void)parse_size("99999999999999999999B"), UsageError);
}

TEST(ParseNewSize, IsMoreThanNowWithAPlus) {
    EXPECT_EQ(parse_new_size("20G").from(5ULL << 30), 20ULL << 30);
    EXPECT_EQ(parse_new_size("+5G").from(5ULL << 30), 10ULL << 30);
    EXPECT_EQ(parse_new_size("+512B").from(0), 512U);
}

TEST(ParseNewSize, RefusesWhatIsNoSizeOrDoesNotFit) {
    for (const char* text : {"", "+", "++5G", "+5", "-5G", "+ 5G", "5G+"})
        EXPECT_THROW((void)parse_new_size(text), UsageError) << text;
    EXPECT_THROW((void)parse_new_size("+16777215T").from(1ULL << 40), UsageError);
}

TEST(ParseBytes, TakesABareNumberForBytes) {
    EXPECT_EQ(parse_bytes("512"), 512U);
    EXPECT_EQ(parse_bytes("1M"), 1U << 20);
    EXPECT_THROW((void)parse_bytes(""), UsageError);
    EXPECT_THROW((void)parse_bytes("12X"), UsageError);
}

TEST(ExactSizeText, HasTheBytesWhereTheyAreMore) {
    EXPECT_EQ(exact_size_text(700), "700 B");
    EXPECT_EQ(exact_size_text(1536), "1.5 KiB (1536 bytes)");
}

TEST(ParseDuration, UnderstandsUnits) {
    EXPECT_EQ(parse_duration("60"), 60s);
    EXPECT_EQ(parse_duration("60s"), 60s);
    EXPECT_EQ(parse_duration("5min"), 5min);
    EXPECT_EQ(parse_duration("1.5h"), 90min);
    EXPECT_EQ(parse_duration("500ms"), 500ms);
    EXPECT_EQ(parse_duration("1d"), 24h);
}

TEST(ParseDuration, RefusesWhatIsNone) {
    for (const char* text : {"", "s", "-1s", "1y", "5 minutes ago", "99999999999999999999s"})
        EXPECT_THROW((void)parse_duration(text), UsageError) << text;
}

TEST(ParseYesNo, UnderstandsTheUsualWords) {
    for (const char* text : {"yes", "true", "on", "1"}) EXPECT_TRUE(parse_yes_no(text)) << text;
    for (const char* text : {"no", "false", "off", "0"}) EXPECT_FALSE(parse_yes_no(text)) << text;
    for (const char* text : {"", "YES!", "2"}) EXPECT_THROW((void)parse_yes_no(text), UsageError) << text;
}

TEST(ParseCount, RefusesWhatIsNoNumberFromOneOn) {
    EXPECT_EQ(parse_count("4"), 4U);
    for (const char* text : {"", "0", "-1", "4x", "1.5", "4294967296"})
        EXPECT_THROW((void)parse_count(text), UsageError) << text;
}

TEST(SizeText, TakesTheLargestUnit) {
    EXPECT_EQ(size_text(0), "0 B");
    EXPECT_EQ(size_text(1023), "1023 B");
    EXPECT_EQ(size_text(1024), "1 KiB");
    EXPECT_EQ(size_text(128ULL << 20), "128 MiB");
    EXPECT_EQ(size_text(3ULL << 29), "1.5 GiB");
    EXPECT_EQ(size_text(~0ULL), "16 EiB");
}

TEST(SizeText, NeverSays1024OfAUnit) { EXPECT_EQ(size_text((1ULL << 20) - 1), "1 MiB"); }

TEST(DurationText, NamesTwoUnits) {
    EXPECT_EQ(duration_text(0s), "0 s");
    EXPECT_EQ(duration_text(59s), "59 s");
    EXPECT_EQ(duration_text(185s), "3 min 5 s");
    EXPECT_EQ(duration_text(2h + 10min), "2 h 10 min");
    EXPECT_EQ(duration_text(97h), "4 d 1 h");
    EXPECT_EQ(duration_text(-5s), "0 s");
}

}  // namespace virtbusctl
