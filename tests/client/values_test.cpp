// SPDX-License-Identifier: LGPL-2.1-or-later
#include "values.h"

#include <gtest/gtest.h>
#include <sdbus-c++/sdbus-c++.h>

namespace virtbusctl {

TEST(ToJson, KeepsTypes) {
    EXPECT_EQ(to_json(sdbus::Variant(true)).dump(), "true");
    EXPECT_EQ(to_json(sdbus::Variant(std::uint64_t{1} << 60)).dump(), "1152921504606846976");
    EXPECT_EQ(to_json(sdbus::Variant(0.5)).dump(), "0.5");
    EXPECT_EQ(to_json(sdbus::Variant(sdbus::ObjectPath("/a"))).dump(), "\"/a\"");
    EXPECT_EQ(to_json(sdbus::Variant(std::vector<std::string>{"a", "b"})).dump(), "[\"a\",\"b\"]");
    const auto pair = sdbus::make_struct(std::string("n"), std::string("m"));
    EXPECT_EQ(to_json(sdbus::Variant(pair)).dump(), "[\"n\",\"m\"]");
    EXPECT_EQ(to_json(sdbus::Variant(std::vector{pair})).dump(), "[[\"n\",\"m\"]]");
}

TEST(ToJson, GoesIntoNestedValues) {
    const Dictionary disk = {{"target", std::string("vda")}, {"readonly", false}};
    EXPECT_EQ(to_json(Dictionary{{"Disks", std::vector<Dictionary>{disk}}}).dump(),
              R"({"Disks":[{"readonly":false,"target":"vda"}]})");
}

TEST(ToJson, KnowsWhatAnAuditFinds) {
    using Group = sdbus::Struct<std::string, std::vector<sdbus::ObjectPath>>;
    const std::vector<Group> groups = {{"f", {sdbus::ObjectPath("/a"), sdbus::ObjectPath("/b")}}, {"g", {}}};
    EXPECT_EQ(to_json(sdbus::Variant(groups)).dump(), R"([["f",["/a","/b"]],["g",[]]])");
}

TEST(ToJson, NamesATypeThatItDoesNotKnow) {
    EXPECT_EQ(to_json(sdbus::Variant(std::map<std::string, std::int32_t>{})), "<a{si}>");
}

TEST(ValueText, KnowsSizesByTheirName) {
    EXPECT_EQ(value_text("Memory", 128ULL << 20), "128 MiB");
    EXPECT_EQ(value_text("Vcpus", 4U), "4");
    EXPECT_EQ(value_text("StateSinceUSec", 0U), "unknown");
    EXPECT_EQ(value_text("Autostart", true), "yes");
    EXPECT_EQ(value_text("Tags", Json::array({"a", "b\x1b"})), "a, b\\x1b");
}

TEST(TextAt, IsEmptyForWhatIsNotThere) {
    EXPECT_EQ(text_at(Json::object(), "Name"), "");
    EXPECT_EQ(text_at(Json{{"Name", 1}}, "Name"), "");
    EXPECT_EQ(number_at(Json{{"Name", "x"}}, "Name"), 0U);
}

}  // namespace virtbusctl
