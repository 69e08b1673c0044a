// SPDX-License-Identifier: LGPL-2.1-or-later
// What the helper does to images that are there.
#include "helper_test.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

namespace virtbus::test {

namespace {

class Changing : public HelperTest {
protected:
    /// What a file that was removed holds now, through a descriptor from before.
    static bool is_all_zero(int fd) {
        std::vector<char> buffer(mebibyte);
        off_t at = 0;
        for (ssize_t size = 0; (size = ::pread(fd, buffer.data(), buffer.size(), at)) > 0; at += size)
            if (std::any_of(buffer.begin(), buffer.begin() + size, [](char c) { return c != 0; })) return false;
        return at > 0;
    }

    [[nodiscard]] UniqueFd open(const std::string& name) const {
        return UniqueFd(::open(path(name).c_str(), O_RDONLY));
    }
};

TEST_F(Changing, AnImageGrowsAndShrinksOnlyWhenTold) {
    make_qcow2("a.qcow2", 8 * mebibyte, 2 * mebibyte);
    for (const auto& file : {image("a.qcow2"), image("a.qcow2.raw", "raw")}) {
        const auto name = std::filesystem::path(file.path).filename().string();
        tool_.resize(file, 16 * mebibyte, false);
        EXPECT_EQ(info(name, file.format).at("virtual-size"), 16 * mebibyte);
        EXPECT_FAILS(invalid_args, tool_.resize(file, 4 * mebibyte, false));
        EXPECT_EQ(info(name, file.format).at("virtual-size"), 16 * mebibyte);
        tool_.resize(file, 4 * mebibyte, true);
        EXPECT_EQ(info(name, file.format).at("virtual-size"), 4 * mebibyte);
    }
    EXPECT_TRUE(have_equal_content(image("a.qcow2"), image("a.qcow2.raw", "raw")));
}

TEST_F(Changing, AWipedQcow2ImageIsEmptyAndItsDataOverwritten) {
    make_qcow2("a.qcow2", 64 * mebibyte, 8 * mebibyte);
    std::filesystem::permissions(path("a.qcow2"), std::filesystem::perms(0640));
    const auto old = open("a.qcow2");
    const auto before = allocated("a.qcow2");
    tool_.wipe(image("a.qcow2"), target("a.qcow2"), 64 * mebibyte, transfer_);
    EXPECT_TRUE(is_all_zero(old.get()));
    EXPECT_EQ(info("a.qcow2").at("virtual-size"), 64 * mebibyte);
    EXPECT_LT(allocated("a.qcow2"), mebibyte);
    EXPECT_EQ(std::filesystem::status(path("a.qcow2")).permissions(), std::filesystem::perms(0640));
    EXPECT_GE(transfer_.total(), std::min(before, 8 * mebibyte));
}

TEST_F(Changing, AWipedRawImageKeepsItsSizeAndRoom) {
    make_raw("a.img", 64 * mebibyte, 8 * mebibyte);
    const auto before = allocated("a.img");
    tool_.wipe(image("a.img", "raw"), target("a.img", "raw"), 64 * mebibyte, transfer_);
    EXPECT_TRUE(is_all_zero(open("a.img").get()));
    EXPECT_EQ(std::filesystem::file_size(path("a.img")), 64 * mebibyte);
    EXPECT_EQ(allocated("a.img"), before);
}

TEST_F(Changing, AWipeOfWhatItDoesNotReplaceIsRefused) {
    make_qcow2("a.qcow2", 4 * mebibyte, mebibyte);
    make_qcow2("b.qcow2", 4 * mebibyte, mebibyte);
    const auto before = checksum("b.qcow2");
    EXPECT_FAILS(invalid_args, tool_.wipe(image("a.qcow2"), target("b.qcow2"), 4 * mebibyte, transfer_));
    EXPECT_FAILS(not_supported, tool_.wipe(image("a.qcow2", "vmdk"), target("a.qcow2"), 4 * mebibyte, transfer_));
    EXPECT_EQ(checksum("b.qcow2"), before);
}

TEST_F(Changing, ACheckTellsLeaksFromCorruption) {
    make_qcow2("a.qcow2", 16 * mebibyte, 4 * mebibyte);
    auto report = tool_.check(image("a.qcow2"), transfer_);
    EXPECT_EQ(report.corruptions + report.leaks + report.errors, 0U);
    EXPECT_FAILS(not_supported, tool_.check(image("a.qcow2.raw", "raw"), transfer_));

    // The L1 table's one entry is gone: what it led to leaks.
    const auto l1 = info("a.qcow2").at("virtual-size") == 16 * mebibyte ? std::string(8, '\0') : std::string();
    std::ifstream file(path("a.qcow2"), std::ios::binary);
    file.seekg(40);
    std::uint64_t l1_offset = 0;
    for (int i = 0; i < 8; ++i) l1_offset = l1_offset << 8 | static_cast<unsigned char>(file.get());
    patch("a.qcow2", l1_offset, l1);
    report = tool_.check(image("a.qcow2"), transfer_);
    EXPECT_GT(report.leaks, 0U);
    EXPECT_EQ(report.corruptions, 0U);

    // And now it leads to where nothing is.
    patch("a.qcow2", l1_offset, std::string("\x80\0\0\0\x7f\xff\0\0", 8));
    report = tool_.check(image("a.qcow2"), transfer_);
    EXPECT_GT(report.corruptions + report.errors, 0U);
}

TEST_F(Changing, OnlyTemporaryFilesAreRemoved) {
    make_raw("a.img", mebibyte, 0);
    make_raw(".virtbus-7", mebibyte, 0);
    const auto directory = directory_.string();
    for (const auto* name : {"a.img", "", ".", "../a.img", ".virtbus-/../a.img", "sub/.virtbus-7"})
        EXPECT_FAILS(invalid_args, tool_.remove_temporary(directory, name));
    EXPECT_TRUE(exists("a.img"));
    tool_.remove_temporary(directory, ".virtbus-7");
    EXPECT_FALSE(exists(".virtbus-7"));
    tool_.remove_temporary(directory, ".virtbus-7");
}

}  // namespace

}  // namespace virtbus::test
