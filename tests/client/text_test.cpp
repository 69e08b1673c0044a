// SPDX-License-Identifier: LGPL-2.1-or-later
#include "text.h"

#include <gtest/gtest.h>

namespace virtbusctl {

TEST(Printable, LeavesOrdinaryTextAlone) {
    EXPECT_EQ(printable("web-1"), "web-1");
    EXPECT_EQ(printable("Mühle → 東京 🐎"), "Mühle → 東京 🐎");
    EXPECT_EQ(printable(""), "");
}

TEST(Printable, EscapesWhatDrivesATerminal) {
    EXPECT_EQ(printable("\x1b[2Jweb"), "\\x1b[2Jweb");
    EXPECT_EQ(printable("a\nb\tc\rd"), "a\\nb\\tc\\x0dd");
    EXPECT_EQ(printable("\x7f"), "\\x7f");
    EXPECT_EQ(printable("\xc2\x9b"
                        "31m"),
              "\\u009b31m");  // the one-character form of ESC [
}

TEST(Printable, EscapesWhatTurnsTextAround) { EXPECT_EQ(printable("a\u202eb\u2066"), "a\\u202eb\\u2066"); }

TEST(Printable, EscapesBrokenUtf8ByteByByte) {
    EXPECT_EQ(printable("\xff"), "\\xff");
    EXPECT_EQ(printable("a\xc3"), "a\\xc3");
    EXPECT_EQ(printable("\xc0\x80"), "\\xc0\\x80");           // overlong
    EXPECT_EQ(printable("\xed\xa0\x80"), "\\xed\\xa0\\x80");  // a surrogate
    EXPECT_EQ(printable("\xf5\x80\x80\x80"), "\\xf5\\x80\\x80\\x80");
}

TEST(PrintableLines, KeepsLinesAndIndentsThem) {
    EXPECT_EQ(printable_lines("one\ntwo\n", "  "), "one\n  two");
    EXPECT_EQ(printable_lines("one\x1b\ntwo"), "one\\x1b\ntwo");
}

TEST(Cut, CountsCharactersNotBytes) {
    EXPECT_EQ(cut("Mühle", 2), "Mü");
    EXPECT_EQ(cut("Mühle", 9), "Mühle");
    EXPECT_EQ(display_width("Mühle"), 5U);
}

}  // namespace virtbusctl
