// SPDX-License-Identifier: LGPL-2.1-or-later
// What may go onto the bus as a string: table 3-7 of the Unicode standard, and random bytes against a decoder that
// works in another way.
#include "base/utf8.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <random>

namespace virtbus {
namespace {

using std::string_literals::operator""s;

/// Decodes by arithmetic instead of by table.
bool is_utf8_by_value(const std::string& text) {
    constexpr std::array<std::uint32_t, 5> least{0, 0, 0x80, 0x800, 0x10000};
    for (std::size_t i = 0; i < text.size();) {
        const auto first = static_cast<std::uint8_t>(text[i]);
        const std::size_t length = first < 0x80       ? 1
                                   : first >> 5 == 6  ? 2
                                   : first >> 4 == 14 ? 3
                                   : first >> 3 == 30 ? 4
                                                      : 0;
        if (length == 0 || first == 0 || i + length > text.size()) return false;
        std::uint32_t value = length == 1 ? first : first & (0x7fU >> length);
        for (std::size_t k = 1; k < length; ++k) {
            const auto byte = static_cast<std::uint8_t>(text[i + k]);
            if (byte >> 6 != 2) return false;
            value = value << 6 | (byte & 0x3fU);
        }
        if (length > 1 && value < least.at(length)) return false;
        if (value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff)) return false;
        i += length;
    }
    return true;
}

TEST(Utf8, TakesTheFirstAndLastOfEachRowOfTheTable) {
    for (const auto& text :
         {""s, "\x01"s, "\x7f"s, "\xc2\x80"s, "\xdf\xbf"s, "\xe0\xa0\x80"s, "\xe0\xbf\xbf"s, "\xe1\x80\x80"s,
          "\xec\xbf\xbf"s, "\xed\x80\x80"s, "\xed\x9f\xbf"s, "\xee\x80\x80"s, "\xef\xbf\xbf"s, "\xf0\x90\x80\x80"s,
          "\xf0\xbf\xbf\xbf"s, "\xf1\x80\x80\x80"s, "\xf3\xbf\xbf\xbf"s, "\xf4\x80\x80\x80"s, "\xf4\x8f\xbf\xbf"s}) {
        EXPECT_TRUE(is_utf8(text)) << testing::PrintToString(text);
        EXPECT_EQ(to_utf8(text), text);
    }
}

TEST(Utf8, RefusesWhatLiesJustBesideTheTable) {
    for (const auto& text : {"\0"s,
                             "a\0b"s,
                             "\x80"s,
                             "\xbf"s,
                             "\xc0\x80"s,
                             "\xc1\xbf"s,
                             "\xc2\x7f"s,
                             "\xc2\xc0"s,
                             "\xe0\x9f\xbf"s,
                             "\xe0\xc0\x80"s,
                             "\xed\xa0\x80"s,
                             "\xed\xbf\xbf"s,
                             "\xf0\x8f\xbf\xbf"s,
                             "\xf4\x90\x80\x80"s,
                             "\xf5\x80\x80\x80"s,
                             "\xff"s,
                             "\xfe"s,
                             "\xc2"s,
                             "\xe1\x80"s,
                             "\xf1\x80\x80"s,
                             "\xe1\x80\x7f"s,
                             "\xf1\x80\x80\x7f"s,
                             "\xf8\x88\x80\x80\x80"s}) {
        EXPECT_FALSE(is_utf8(text)) << testing::PrintToString(text);
        EXPECT_TRUE(is_utf8(to_utf8(text))) << testing::PrintToString(text);
    }
}

TEST(Utf8, EachByteThatDoesNotBelongBecomesAReplacementCharacter) {
    EXPECT_EQ(to_utf8("caf\xe9"), "caf\uFFFD");
    EXPECT_EQ(to_utf8("\xff\xfe"), "\uFFFD\uFFFD");
    EXPECT_EQ(to_utf8("a\0b"s), "a\uFFFDb");
    EXPECT_EQ(to_utf8("\xe1\x80z"), "\uFFFD\uFFFDz");
    EXPECT_EQ(to_utf8("\xc3\xa9\xc3"), "é\uFFFD");
}

TEST(Utf8, AgreesWithADecoderOnAllTextsOfTwoBytes) {
    for (unsigned first = 0; first < 256; ++first)
        for (unsigned second = 0; second < 256; ++second) {
            const std::string text{static_cast<char>(first), static_cast<char>(second)};
            ASSERT_EQ(is_utf8(text), is_utf8_by_value(text)) << first << ' ' << second;
        }
}

TEST(Utf8, AgreesWithADecoderOnRandomBytes) {
    std::mt19937 random(1);
    // Bytes that make sequences likely: half of them lead or follow.
    constexpr std::array<unsigned, 12> likely{0x41, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc2, 0xe0, 0xed, 0xf0, 0xf4};
    int good = 0;
    for (int round = 0; round < 200'000; ++round) {
        std::string text;
        const auto length = random() % 6;
        for (unsigned i = 0; i < length; ++i)
            text += static_cast<char>(random() % 2 != 0 ? likely.at(random() % likely.size()) : random() % 256);
        ASSERT_EQ(is_utf8(text), is_utf8_by_value(text)) << testing::PrintToString(text);
        const auto clean = to_utf8(text);
        ASSERT_TRUE(is_utf8_by_value(clean)) << testing::PrintToString(text);
        ASSERT_EQ(to_utf8(clean), clean);
        ASSERT_EQ(clean == text, is_utf8(text));
        good += is_utf8(text) ? 1 : 0;
    }
    EXPECT_GT(good, 10'000) << "the random texts must be of both sorts";
}

TEST(Utf8, FindsControlCharacters) {
    for (const auto& text : {"\0"s, "\n"s, "a\tb"s, "\x1f"s, "\x7f"s, "\xc2\x80"s, "a\xc2\x9f"s, "\x1b[31m"s})
        EXPECT_TRUE(has_control(text)) << testing::PrintToString(text);
}

TEST(Utf8, TakesNoOtherCharacterForAControlCharacter) {
    for (const auto& text :
         {""s, " "s, "~"s, "\xc2\xa0"s, "é"s, "ā"s, "Ÿ"s, "漢字"s, "\xf0\x9f\x96\xa5"s, "\xe2\x80\x94"s})
        EXPECT_FALSE(has_control(text)) << text;
}

}  // namespace
}  // namespace virtbus
