// SPDX-License-Identifier: LGPL-2.1-or-later
// Images that the helper makes, empty or from others.
#include "helper_test.h"

#include <sys/stat.h>

namespace virtbus::test {

namespace {

class Making : public HelperTest {
protected:
    [[nodiscard]] unsigned mode(const std::string& name) const {
        struct stat found {};
        EXPECT_EQ(::stat(path(name).c_str(), &found), 0);
        return found.st_mode & 07777U;
    }

    /// base.qcow2 with 4 MiB of data, and over.qcow2 on it, with 1 MiB of its own.
    void make_chain() {
        make_qcow2("base.qcow2", 16 * mebibyte, 4 * mebibyte);
        tool_.create(target("over.qcow2"), 16 * mebibyte, image("base.qcow2"), transfer_);
        write(image("over.qcow2"), 2 * mebibyte, mebibyte, 7);
    }
};

TEST_F(Making, EmptyImagesTakeNothingUnlessTold) {
    tool_.create(target("a.qcow2"), 64 * mebibyte, std::nullopt, transfer_);
    tool_.create(target("b.img", "raw"), 64 * mebibyte, std::nullopt, transfer_);
    EXPECT_EQ(info("a.qcow2").at("virtual-size"), 64 * mebibyte);
    EXPECT_EQ(info("b.img", "raw").at("virtual-size"), 64 * mebibyte);
    EXPECT_LT(allocated("a.qcow2"), mebibyte);
    EXPECT_LT(allocated("b.img"), mebibyte);
    EXPECT_EQ(mode("a.qcow2"), 0600U);
    EXPECT_EQ(mode("b.img"), 0600U);
}

TEST_F(Making, PreallocatedImagesTakeWhatTheyNeedAtOnce) {
    tool_.create(target("a.qcow2", "qcow2", Preallocation::metadata), 64 * mebibyte, std::nullopt, transfer_);
    EXPECT_LT(allocated("a.qcow2"), 2 * mebibyte);
    EXPECT_GE(std::filesystem::file_size(path("a.qcow2")), 64 * mebibyte);
    tool_.create(target("b.qcow2", "qcow2", Preallocation::full), 64 * mebibyte, std::nullopt, transfer_);
    tool_.create(target("c.img", "raw", Preallocation::full), 64 * mebibyte, std::nullopt, transfer_);
    EXPECT_GE(allocated("b.qcow2"), 64 * mebibyte);
    EXPECT_GE(allocated("c.img"), 64 * mebibyte);
    EXPECT_FAILS(invalid_args, tool_.create(target("d.img", "raw", Preallocation::metadata), mebibyte, {}, transfer_));
}

TEST_F(Making, ImagesCanBeBasedOnOthers) {
    make_chain();
    const auto facts = info("over.qcow2");
    EXPECT_EQ(facts.at("backing-filename"), path("base.qcow2"));
    EXPECT_EQ(facts.at("backing-filename-format"), "qcow2");
    EXPECT_FAILS(invalid_args, tool_.create(target("a.img", "raw"), mebibyte, image("base.qcow2"), transfer_));
    EXPECT_FAILS(no_such_image, tool_.create(target("a.qcow2"), mebibyte, image("none.qcow2"), transfer_));
    EXPECT_FAILS(invalid_args, tool_.create(target("a.qcow2"), mebibyte, ImageFile{"base.qcow2", "qcow2"}, transfer_));
    std::filesystem::create_symlink(path("base.qcow2"), path("link.qcow2"));
    EXPECT_FAILS(invalid_args, tool_.create(target("a.qcow2"), mebibyte, image("link.qcow2"), transfer_));
}

TEST_F(Making, ANameThatIsTakenIsRefused) {
    const auto before = (make_raw("a.qcow2", mebibyte, mebibyte), checksum("a.qcow2"));
    EXPECT_FAILS(already_exists, tool_.create(target("a.qcow2"), mebibyte, std::nullopt, transfer_));
    EXPECT_FAILS(already_exists, tool_.convert(image("a.qcow2", "raw"), target("a.qcow2"), transfer_));
    EXPECT_EQ(checksum("a.qcow2"), before);
    EXPECT_FAILS(no_such_image, tool_.create(replacement("b.qcow2"), mebibyte, std::nullopt, transfer_));
}

TEST_F(Making, OnlyNamesInTheirDirectoryAreTaken) {
    for (const auto* name : {".", "..", "sub/a", "../a", "/tmp/a", ".virtbus-2"})
        EXPECT_FAILS(invalid_args, tool_.create(target(name), mebibyte, std::nullopt, transfer_));
    for (const auto* name : {"", "a", "virtbus-1", ".virtbus-/a", ".virtbus-/../a", "/tmp/.virtbus-1"}) {
        auto file = target("a");
        file.temporary = name;
        EXPECT_FAILS(invalid_args, tool_.create(file, mebibyte, std::nullopt, transfer_));
    }
    auto file = target("a");
    for (const auto* directory : {"", "relative", "/dev/null"}) {
        file.directory = directory;
        EXPECT_FAILS(invalid_args, tool_.create(file, mebibyte, std::nullopt, transfer_));
    }
    file.directory = path("none");
    EXPECT_FAILS(failed, tool_.create(file, mebibyte, std::nullopt, transfer_));
}

TEST_F(Making, ATemporaryOfAnotherIsLeftAlone) {
    make_raw(".virtbus-1", mebibyte, mebibyte);
    EXPECT_FAILS(failed, tool_.create(target("a.qcow2"), mebibyte, std::nullopt, transfer_));
    EXPECT_TRUE(exists(".virtbus-1"));
    tool_.remove_temporary(directory_.string(), ".virtbus-1");
}

TEST_F(Making, CopiesHaveTheSameContentAndHoles) {
    make_raw("a.img", 256 * mebibyte, 16 * mebibyte);
    tool_.convert(image("a.img", "raw"), target("b.qcow2"), transfer_);
    EXPECT_TRUE(have_equal_content(image("a.img", "raw"), image("b.qcow2")));
    EXPECT_LT(allocated("b.qcow2"), 18 * mebibyte);
    EXPECT_GT(transfer_.total(), 16 * mebibyte);
    tool_.convert(image("b.qcow2"), target("c.img", "raw"), transfer_);
    EXPECT_TRUE(have_equal_content(image("a.img", "raw"), image("c.img", "raw")));
    EXPECT_LT(allocated("c.img"), 18 * mebibyte);
    EXPECT_EQ(std::filesystem::file_size(path("c.img")), 256 * mebibyte);
    EXPECT_EQ(mode("c.img"), 0600U);
}

TEST_F(Making, CopiesCanTakeTheirRoomAtOnce) {
    make_qcow2("a.qcow2", 64 * mebibyte, 4 * mebibyte);
    tool_.convert(image("a.qcow2"), target("b.img", "raw", Preallocation::full), transfer_);
    tool_.convert(image("a.qcow2"), target("c.qcow2", "qcow2", Preallocation::full), transfer_);
    tool_.convert(image("a.qcow2"), target("d.qcow2", "qcow2", Preallocation::metadata), transfer_);
    EXPECT_GE(allocated("b.img"), 64 * mebibyte);
    EXPECT_GE(allocated("c.qcow2"), 64 * mebibyte);
    EXPECT_LT(allocated("d.qcow2"), 8 * mebibyte);
    EXPECT_TRUE(have_equal_content(image("a.qcow2"), image("b.img", "raw")));
    EXPECT_TRUE(have_equal_content(image("a.qcow2"), image("c.qcow2")));
    EXPECT_TRUE(have_equal_content(image("a.qcow2"), image("d.qcow2")));
}

TEST_F(Making, CopiesContainWhatTheirSourceIsBasedOn) {
    make_chain();
    tool_.convert(image("over.qcow2"), target("flat.qcow2"), transfer_);
    EXPECT_FALSE(info("flat.qcow2").contains("backing-filename"));
    EXPECT_TRUE(have_equal_content(image("over.qcow2"), image("flat.qcow2")));
}

TEST_F(Making, AnImageCanBeReplacedByACopyOfItself) {
    make_chain();
    tool_.convert(image("over.qcow2"), target("copy.qcow2"), transfer_);
    std::filesystem::permissions(path("over.qcow2"), std::filesystem::perms(0640));
    tool_.convert(image("over.qcow2"), replacement("over.qcow2"), transfer_);
    EXPECT_FALSE(info("over.qcow2").contains("backing-filename"));
    EXPECT_TRUE(have_equal_content(image("over.qcow2"), image("copy.qcow2")));
    EXPECT_EQ(mode("over.qcow2"), 0640U);
}

TEST_F(Making, NoCopyTakesMoreThanWasMeasured) {
    make_chain();
    for (const auto* format : {"qcow2", "raw"}) {
        const auto name = std::string("copy.") + format;
        const auto bytes = tool_.measure(image("over.qcow2"), format);
        EXPECT_LT(bytes, 8 * mebibyte) << "holes take no room";
        tool_.convert(image("over.qcow2"), target(name, format), transfer_);
        EXPECT_GE(bytes, allocated(name));
    }
    EXPECT_FAILS(no_such_image, tool_.measure(image("none.qcow2"), "qcow2"));
    EXPECT_FAILS(invalid_args, tool_.measure(image("over.qcow2"), "vmdk"));
    EXPECT_FAILS(not_supported, tool_.measure(image("over.qcow2", "nbd"), "qcow2"));
}

TEST_F(Making, AFormatIsNeverGuessed) {
    make_qcow2("a.qcow2", 4 * mebibyte, mebibyte);
    tool_.convert(image("a.qcow2", "raw"), target("b.img", "raw"), transfer_);
    EXPECT_EQ(checksum("a.qcow2").substr(0, 64), checksum("b.img").substr(0, 64));
    EXPECT_FAILS(failed, tool_.convert(image("a.qcow2.raw", "qcow2"), target("c.qcow2"), transfer_));
}

TEST_F(Making, AnImageCanBeBasedOnAnother) {
    make_chain();
    run({"cp", path("over.qcow2"), path("before.qcow2")});
    tool_.create(target("empty.qcow2"), 16 * mebibyte, std::nullopt, transfer_);
    tool_.rebase(image("over.qcow2"), replacement("over.qcow2"), image("empty.qcow2"), transfer_);
    EXPECT_EQ(info("over.qcow2").at("backing-filename"), path("empty.qcow2"));
    EXPECT_TRUE(have_equal_content(image("before.qcow2"), image("over.qcow2")));
    EXPECT_GT(transfer_.processed(), 0U);

    tool_.rebase(image("over.qcow2"), replacement("over.qcow2"), image("base.qcow2"), transfer_);
    EXPECT_EQ(info("over.qcow2").at("backing-filename"), path("base.qcow2"));
    EXPECT_TRUE(have_equal_content(image("before.qcow2"), image("over.qcow2")));
}

TEST_F(Making, ARebaseThatWouldHarmIsRefused) {
    make_chain();
    EXPECT_FAILS(invalid_args, tool_.rebase(image("over.qcow2"), target("new.qcow2"), image("base.qcow2"), transfer_));
    EXPECT_FAILS(invalid_args,
                 tool_.rebase(image("over.qcow2"), replacement("base.qcow2"), image("base.qcow2"), transfer_));
    EXPECT_FAILS(not_supported, tool_.rebase(image("base.qcow2.raw", "raw"), replacement("base.qcow2.raw", "raw"),
                                             image("base.qcow2"), transfer_));
    run({"qemu-img", "snapshot", "-c", "before", path("over.qcow2")});
    EXPECT_FAILS(not_supported,
                 tool_.rebase(image("over.qcow2"), replacement("over.qcow2"), image("base.qcow2"), transfer_));
}

}  // namespace

}  // namespace virtbus::test
