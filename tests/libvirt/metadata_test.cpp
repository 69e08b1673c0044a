// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libvirt/metadata.h"

#include "libvirt/xml.h"
#include "support/errors.h"

#include <gtest/gtest.h>

namespace virtbus::test {

namespace {

TEST(Metadata, ThatAreWrittenAreReadBack) {
    pugi::xml_document document;
    auto domain = document.append_child("domain");
    write_metadata(domain, {{"a", "b=c@d"}, 1'000});
    const auto metadata = read_metadata(domain);
    EXPECT_EQ(metadata.tags, (std::vector<std::string>{"a", "b=c@d"}));
    EXPECT_EQ(metadata.owner, 1'000U);
}

TEST(Metadata, LeaveNoElementWhenThereIsNothingToSay) {
    pugi::xml_document document;
    auto domain = document.append_child("domain");
    write_metadata(domain, {});
    EXPECT_FALSE(domain.first_child());
}

TEST(Metadata, OfUid0AreKept) {
    pugi::xml_document document;
    auto domain = document.append_child("domain");
    write_metadata(domain, {{}, 0});
    EXPECT_EQ(read_metadata(domain).owner, 0U);
}

TEST(Metadata, WithOtherTagsKeepTheRest) {
    EXPECT_EQ(with_tags("<machine owner='7'><tag>old</tag><assignment>x</assignment></machine>", {"new", "tags"}),
              "<machine owner=\"7\"><assignment>x</assignment><tag>new</tag><tag>tags</tag></machine>");
    EXPECT_EQ(with_tags("<machine owner='7'><tag>old</tag></machine>", {}), "<machine owner=\"7\"/>");
}

TEST(Metadata, BeginWithTheFirstTagAndEndWithTheLast) {
    EXPECT_EQ(with_tags("", {"first"}), "<machine><tag>first</tag></machine>");
    EXPECT_EQ(with_tags("<machine>\n  <tag>last</tag>\n</machine>", {}), "");
    EXPECT_EQ(with_tags("", {}), "");
}

TEST(Metadata, ThatAreBrokenAreNotOverwritten) {
    EXPECT_TRUE(refuses(outcome_of([] { with_tags("<other/>", {"tag"}); }), Code::invalid_xml));
}

}  // namespace

}  // namespace virtbus::test
