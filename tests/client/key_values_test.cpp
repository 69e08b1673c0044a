// SPDX-License-Identifier: LGPL-2.1-or-later
#include "key_values.h"

#include <gtest/gtest.h>

#include "failure.h"

namespace virtbusctl {

using Pairs = std::vector<KeyValue>;
using Words = std::vector<std::string>;

TEST(ParseKeyValues, SeparatesAtCommas) {
    EXPECT_EQ(parse_key_values("pool=default,volume=web.qcow2"), (Pairs{{"pool", "default"}, {"volume", "web.qcow2"}}));
}

TEST(ParseKeyValues, TakesADoubledCommaForOneThatBelongsToTheValue) {
    EXPECT_EQ(parse_key_values("file=/a,,b,format=raw"), (Pairs{{"file", "/a,b"}, {"format", "raw"}}));
}

TEST(ParseKeyValues, TakesAKeyAloneForYes) {
    EXPECT_EQ(parse_key_values("file=/a,readonly"), (Pairs{{"file", "/a"}, {"readonly", "yes"}}));
}

TEST(ParseKeyValues, TakesDashesInKeys) { EXPECT_EQ(parse_key_values("a-b=c-d"), (Pairs{{"a_b", "c-d"}})); }

TEST(ParseKeyValues, RefusesEmptyAndRepeatedKeys) {
    for (const char* text : {"", "=x", "a=1,", ",a=1", "a=1,a=2"})
        EXPECT_THROW((void)parse_key_values(text), UsageError) << text;
}

TEST(ParseKeyValue, CutsAtTheFirstEqualsSign) {
    EXPECT_EQ(parse_key_value("title=a=b, c"), (KeyValue{"title", "a=b, c"}));
    EXPECT_EQ(parse_key_value("title="), (KeyValue{"title", ""}));
    EXPECT_THROW((void)parse_key_value("title"), UsageError);
}

TEST(ParseWords, DropsEmptyOnes) {
    EXPECT_EQ(parse_words("prod,mail"), (Words{"prod", "mail"}));
    EXPECT_EQ(parse_words(",prod,,"), (Words{"prod"}));
    EXPECT_EQ(parse_words(""), Words{});
}

}  // namespace virtbusctl
