// SPDX-License-Identifier: LGPL-2.1-or-later
// A UUID is read strictly and written in one way.
#include "base/uuid.h"

#include <gtest/gtest.h>

#include <set>
#include <unordered_set>

namespace virtbus {
namespace {

constexpr auto dashed = "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0";

TEST(Uuid, IsReadWithDashesAndWithout) {
    const auto uuid = Uuid::parse(dashed);
    ASSERT_TRUE(uuid);
    EXPECT_EQ(Uuid::parse("0f1e2d3c4b5a69788796a5b4c3d2e1f0"), uuid);
    EXPECT_EQ(uuid->bytes().front(), 0x0f);
    EXPECT_EQ(uuid->bytes().back(), 0xf0);
}

TEST(Uuid, IsReadInUpperCaseAndWrittenInLowerCase) {
    EXPECT_EQ(Uuid::parse("0F1E2D3C-4B5A-6978-8796-A5B4C3D2E1F0")->text(), dashed);
}

TEST(Uuid, IsWrittenWithAnotherSeparatorForPaths) {
    EXPECT_EQ(Uuid::parse(dashed)->text('_'), "0f1e2d3c_4b5a_6978_8796_a5b4c3d2e1f0");
}

TEST(Uuid, IsNeverReadFromAnythingElse) {
    for (const std::string_view text : {
             "",
             "0",
             "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f",
             "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f00",
             "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1fg",
             " 0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0",
             "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0\n",
             "{0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0}",
             "0f1e2d3c4b5a-6978-8796-a5b4c3d2e1f0",
             "0f1e2d3c-4b5a69788796a5b4c3d2e1f0",
             "0f1e-2d3c4b5a-6978-8796-a5b4c3d2e1f0",
             "0f1e2d3c_4b5a_6978_8796_a5b4c3d2e1f0",
             "not a uuid at all",
         })
        EXPECT_FALSE(Uuid::parse(text)) << text;
}

TEST(Uuid, IsNotReadPastANulByte) {
    EXPECT_FALSE(Uuid::parse(std::string(dashed) + std::string("\0more", 5)));
    EXPECT_FALSE(Uuid::parse(std::string(dashed) + std::string("\0", 1)));
}

TEST(Uuid, IsReadFromAViewThatDoesNotEndInNul) {
    const std::string longer = std::string(dashed) + "abcdef";
    EXPECT_EQ(Uuid::parse(std::string_view(longer).substr(0, 36)), Uuid::parse(dashed));
}

TEST(Uuid, IsReadBackFromWhatItWrites) {
    for (int i = 0; i < 1'000; ++i) {
        const auto uuid = Uuid::random();
        EXPECT_EQ(Uuid::parse(uuid.text()), uuid);
    }
}

TEST(Uuid, IsRandomOfVersionFourAndNeverTheSame) {
    std::unordered_set<Uuid> hashed;
    std::set<Uuid> sorted;
    for (int i = 0; i < 1'000; ++i) {
        const auto uuid = Uuid::random();
        EXPECT_EQ(uuid.text()[14], '4');
        EXPECT_NE(std::string("89ab").find(uuid.text()[19]), std::string::npos);
        hashed.insert(uuid);
        sorted.insert(uuid);
    }
    EXPECT_EQ(hashed.size(), 1'000U);
    EXPECT_EQ(sorted.size(), 1'000U);
}

}  // namespace
}  // namespace virtbus
