// SPDX-License-Identifier: LGPL-2.1-or-later
// The look at a qcow2 header, on headers made by hand.
#include "model/qcow2_header.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <random>
#include <vector>

namespace virtbus::test {

namespace {

constexpr std::uint64_t header_file_size = 1 << 20;

class HeaderBytes {
public:
    /// Version 3, clusters of 64 KiB, 1 GiB, as qemu-img makes it.
    explicit HeaderBytes(std::size_t size = 4'096) : bytes_(size) {
        u32(0, 0x514649fb).u32(4, 3).u32(20, 16).u64(24, 1 << 30).u32(36, 2).u64(40, 0x30000).u64(48, 0x10000);
        u32(56, 1).u32(96, 4).u32(100, 112);
        u32(20, 12);  // so that the first cluster is all that is here
    }

    HeaderBytes& u32(std::size_t at, std::uint64_t value) { return put(at, 4, value); }
    HeaderBytes& u64(std::size_t at, std::uint64_t value) { return put(at, 8, value); }
    HeaderBytes& cut(std::size_t size) {
        bytes_.resize(size);
        bytes_.shrink_to_fit();
        return *this;
    }

    [[nodiscard]] std::string fault(std::uint64_t file_size = header_file_size) const {
        return qcow2_fault(bytes_, file_size).value_or("");
    }
    std::vector<std::byte>& bytes() { return bytes_; }

private:
    HeaderBytes& put(std::size_t at, std::size_t length, std::uint64_t value) {
        for (std::size_t i = 0; i < length; ++i)
            bytes_.at(at + i) = static_cast<std::byte>(value >> (8 * (length - 1 - i)));
        return *this;
    }

    std::vector<std::byte> bytes_;
};

bool mentions(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

TEST(Qcow2Header, OfASoundImageIsTaken) {
    EXPECT_EQ(HeaderBytes().fault(), "");
    EXPECT_EQ(HeaderBytes().u64(24, 0).u32(36, 0).u64(40, 0).fault(), "") << "empty";
    EXPECT_EQ(HeaderBytes().u64(24, std::uint64_t{1} << 50).fault(), "");
    EXPECT_EQ(HeaderBytes().u64(72, 1 | 8 | 16).fault(), "") << "dirty, other compression, long L2 entries";
    EXPECT_EQ(HeaderBytes().u64(80, ~0ULL).u64(88, ~0ULL).fault(), "") << "features that need not be known";
    EXPECT_EQ(HeaderBytes().u32(4, 2).u64(72, 0).u32(96, 0).u32(100, 0).fault(), "") << "version 2";
    EXPECT_EQ(HeaderBytes().u32(60, 3).u64(64, 0x40000).fault(), "") << "snapshots";
}

TEST(Qcow2Header, ThatNamesAnotherFileIsRefused) {
    EXPECT_TRUE(mentions(HeaderBytes().u64(8, 512).u32(16, 11).fault(), "backing file"));
    EXPECT_TRUE(mentions(HeaderBytes().u64(8, 512).fault(), "backing file"));
    EXPECT_TRUE(mentions(HeaderBytes().u32(4, 2).u64(8, 512).fault(), "backing file"));
    EXPECT_TRUE(mentions(HeaderBytes().u64(72, 4).fault(), "another file"));
    EXPECT_TRUE(mentions(HeaderBytes().u32(112, 0x44415441).u32(116, 8).fault(), "file for its data"));
    EXPECT_TRUE(
        mentions(HeaderBytes().u32(112, 0xe2792aca).u32(116, 5).u32(128, 0x44415441).fault(), "file for its data"))
        << "after another extension";
}

TEST(Qcow2Header, ThatCannotBeIsRefused) {
    EXPECT_TRUE(mentions(HeaderBytes().u32(0, 0).fault(), "not a qcow2"));
    EXPECT_TRUE(mentions(HeaderBytes().u32(4, 1).fault(), "version"));
    EXPECT_TRUE(mentions(HeaderBytes().u32(4, 4).fault(), "version"));
    for (const std::uint64_t bits : {0U, 8U, 22U, 63U, 64U, 0xffffffffU})
        EXPECT_TRUE(mentions(HeaderBytes().u32(20, bits).fault(), "clusters")) << bits;
    EXPECT_TRUE(mentions(HeaderBytes().u64(24, (std::uint64_t{1} << 50) + 512).fault(), "too large"));
    EXPECT_TRUE(mentions(HeaderBytes().u64(24, ~0ULL).fault(), "too large"));
    EXPECT_TRUE(mentions(HeaderBytes().u32(32, 1).fault(), "encrypted"));
    EXPECT_TRUE(mentions(HeaderBytes().u64(72, 2).fault(), "corrupt"));
    EXPECT_TRUE(mentions(HeaderBytes().u64(72, 32).fault(), "not known"));
    EXPECT_TRUE(mentions(HeaderBytes().u64(72, std::uint64_t{1} << 63).fault(), "not known"));
    EXPECT_TRUE(mentions(HeaderBytes().u32(96, 7).fault(), "refcounts"));
    EXPECT_TRUE(mentions(HeaderBytes().u32(104, 0x02000000).fault(), "compressed"));
    for (const std::uint64_t length : {0U, 72U, 100U, 105U, 8'192U, 0xfffffff8U})
        EXPECT_TRUE(mentions(HeaderBytes().u32(100, length).fault(), "length")) << length;
}

TEST(Qcow2Header, WithTablesElsewhereIsRefused) {
    EXPECT_TRUE(mentions(HeaderBytes().u32(36, 5 << 20).fault(), "L1 table is too large"));
    EXPECT_TRUE(mentions(HeaderBytes().u64(40, 0x30001).fault(), "L1 table"));
    EXPECT_TRUE(mentions(HeaderBytes().u64(40, 0).fault(), "L1 table"));
    for (const std::uint64_t offset : {std::uint64_t{header_file_size}, ~std::uint64_t{4095}})
        EXPECT_TRUE(mentions(HeaderBytes().u64(40, offset).fault(), "cut off")) << offset;
    EXPECT_EQ(HeaderBytes().fault(0x30010), "");
    EXPECT_TRUE(mentions(HeaderBytes().fault(0x3000f), "cut off"));
    EXPECT_TRUE(mentions(HeaderBytes().u32(56, 0).fault(), "refcount table"));
    EXPECT_TRUE(mentions(HeaderBytes().u32(56, 0xffffffff).fault(), "refcount table"));
    EXPECT_TRUE(mentions(HeaderBytes().u64(48, 8).fault(), "refcount table"));
    EXPECT_TRUE(mentions(HeaderBytes().u32(60, 65'537).fault(), "snapshots"));
    EXPECT_TRUE(mentions(HeaderBytes().u32(60, 1).u64(64, 7).fault(), "snapshot table"));
}

TEST(Qcow2Header, ThatDoesNotEndIsRefused) {
    EXPECT_TRUE(mentions(HeaderBytes().u32(112, 0x6803f857).u32(116, 0xffffffff).fault(), "does not end"));
    EXPECT_TRUE(mentions(HeaderBytes().u32(112, 0x6803f857).u32(116, 4'096).fault(), "does not end"));
    EXPECT_EQ(HeaderBytes().u32(112, 0x6803f857).u32(116, 4'096 - 120).fault(), "") << "all of the first cluster";
    EXPECT_TRUE(mentions(HeaderBytes().u32(112, 0x6803f857).u32(116, 200).cut(256).fault(), "does not end"));
    for (const std::size_t size : {0U, 1U, 71U, 72U, 103U})
        EXPECT_TRUE(mentions(HeaderBytes().cut(size).fault(), "too short")) << size;
    EXPECT_TRUE(mentions(HeaderBytes().cut(104).fault(), "does not end"));
    EXPECT_TRUE(mentions(HeaderBytes().fault(0), "too short"));
}

TEST(Qcow2Header, TellsWhetherThereAreSnapshots) {
    EXPECT_FALSE(qcow2_has_snapshots(HeaderBytes().bytes()));
    EXPECT_TRUE(qcow2_has_snapshots(HeaderBytes().u32(60, 256).bytes()));
    EXPECT_FALSE(qcow2_has_snapshots(HeaderBytes().u32(60, 256).cut(63).bytes()));
}

/// Whatever the bytes, it reads only those; and what it takes never names another file.
TEST(Qcow2Header, OfAnyBytesDoesNoHarm) {
    std::mt19937_64 random(20'231'101);
    const auto below = [&](std::uint64_t most) { return random() % most; };
    const std::vector<std::uint64_t> values{
        0,   1,     2,      4,          8,          9,     21,          104,
        112, 4'096, 65'536, 0x7fffffff, 0x44415441, ~0ULL, ~0ULL << 12, std::numeric_limits<std::int64_t>::max()};
    int taken = 0;
    for (int round = 0; round < 100'000; ++round) {
        HeaderBytes header(512);
        header.u32(20, below(4) == 0 ? below(70) : 9);
        for (auto changes = below(4); changes > 0; --changes) {
            const auto at = below(140) / 4 * 4;
            const auto value = below(2) == 0 ? random() : values[below(values.size())];
            if (below(2) == 0)
                header.u32(at, value);
            else
                header.u64(at, value);
        }
        if (below(4) == 0) header.cut(below(512));
        const auto fault = header.fault(below(4) == 0 ? random() : header_file_size);
        if (!fault.empty()) continue;
        ++taken;
        const auto& bytes = header.bytes();
        ASSERT_TRUE(std::all_of(bytes.begin() + 8, bytes.begin() + 16, [](std::byte b) { return b == std::byte{}; }));
        const bool is_v2 = bytes[7] == std::byte{2};
        ASSERT_TRUE(is_v2 || (bytes[79] & std::byte{6}) == std::byte{});
    }
    EXPECT_GT(taken, 1'000);
    EXPECT_LT(taken, 60'000);
}

}  // namespace

}  // namespace virtbus::test
