// SPDX-License-Identifier: LGPL-2.1-or-later
// An image that a running machine has open is left alone.
#include "helper_test.h"

namespace virtbus::test {

namespace {

class InUse : public HelperTest {
protected:
    void SetUp() override {
        make_qcow2("a.qcow2", 16 * mebibyte, 4 * mebibyte);
        make_raw("b.img", 4 * mebibyte, mebibyte);
    }
};

TEST_F(InUse, ByAWriterItCannotBeReadOrChanged) {
    const ImageUser user(path("a.qcow2"));
    const auto before = checksum("a.qcow2");
    EXPECT_FAILS(in_use, tool_.convert(image("a.qcow2"), target("c.qcow2"), transfer_));
    EXPECT_FAILS(in_use, tool_.measure(image("a.qcow2"), "qcow2"));
    EXPECT_FAILS(in_use, tool_.check(image("a.qcow2"), transfer_));
    EXPECT_FAILS(in_use, tool_.resize(image("a.qcow2"), 32 * mebibyte, false));
    EXPECT_FAILS(in_use, tool_.wipe(image("a.qcow2"), target("a.qcow2"), 16 * mebibyte, transfer_));
    EXPECT_FAILS(in_use, tool_.wipe(image("a.qcow2", "raw"), target("a.qcow2"), 16 * mebibyte, transfer_));
    EXPECT_FAILS(in_use, tool_.convert(image("b.img", "raw"), replacement("a.qcow2"), transfer_));
    EXPECT_FAILS(in_use, tool_.rebase(image("a.qcow2"), replacement("a.qcow2"), image("b.img", "raw"), transfer_));
    EXPECT_EQ(checksum("a.qcow2"), before);
}

TEST_F(InUse, ByAReaderItCanBeReadAndReplacedButNotWiped) {
    const ImageUser user(path("a.qcow2"), true);
    EXPECT_FAILS(in_use, tool_.wipe(image("a.qcow2"), target("a.qcow2"), 16 * mebibyte, transfer_));
    EXPECT_FAILS(in_use, tool_.wipe(image("a.qcow2", "raw"), target("a.qcow2"), 16 * mebibyte, transfer_));
    EXPECT_FAILS(in_use, tool_.resize(image("a.qcow2"), 32 * mebibyte, false));
    tool_.convert(image("a.qcow2"), target("c.qcow2"), transfer_);
    tool_.convert(image("b.img", "raw"), replacement("a.qcow2"), transfer_);
    EXPECT_TRUE(have_equal_content(image("a.qcow2"), image("b.img", "raw")));
}

TEST_F(InUse, TheMessageNamesTheImage) {
    const ImageUser user(path("a.qcow2"));
    const auto outcome = outcome_of([&] { tool_.check(image("a.qcow2"), transfer_); });
    EXPECT_EQ(outcome.text, "Cannot check " + path("a.qcow2") + ": a running machine or another program has " +
                                path("a.qcow2") + " open");
}

TEST_F(InUse, ItsNameIsNotTakenForTheReason) {
    make_qcow2("a--shrink.qcow2", 16 * mebibyte, mebibyte);
    const ImageUser user(path("a--shrink.qcow2"));
    EXPECT_FAILS(in_use, tool_.resize(image("a--shrink.qcow2"), 32 * mebibyte, false));
}

}  // namespace

}  // namespace virtbus::test
