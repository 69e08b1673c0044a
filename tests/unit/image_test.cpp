// SPDX-License-Identifier: LGPL-2.1-or-later
// What an image's numbers say of it, what it is taken for, and what callers may name it.
#include "model/image.h"

#include "support/errors.h"
#include "support/fake_storage.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace virtbus::test {
namespace {

constexpr std::uint64_t gib = std::uint64_t{1} << 30;

Image of_sizes(const std::string& format, std::uint64_t allocation, std::uint64_t file_size) {
    auto image = make_image("default", "web");
    image.format = format;
    image.virtual_size = gib;
    image.allocation = allocation;
    image.file_size = file_size;
    return image;
}

Outcome name_check(const std::string& name) {
    return outcome_of([&] { check_image_name("name", name); });
}

TEST(ImageTest, IsPreallocatedAsFarAsItHasTakenItsPool) {
    EXPECT_EQ(preallocation(of_sizes("raw", 0, gib)), Preallocation::off) << "a sparse file";
    EXPECT_EQ(preallocation(of_sizes("raw", gib, gib)), Preallocation::full);
    EXPECT_EQ(preallocation(of_sizes("qcow2", 200'704, 200'704)), Preallocation::off);
    EXPECT_EQ(preallocation(of_sizes("qcow2", 400'000, gib + 400'000)), Preallocation::metadata);
    EXPECT_EQ(preallocation(of_sizes("qcow2", gib + 400'000, gib + 400'000)), Preallocation::full);
}

TEST(ImageTest, DeclaredRawItIsBasedOnNothingAndAsLargeAsItsFile) {
    auto image = make_image("default", "web");
    image.backing_file = "/etc/shadow";
    image.backing_format = "raw";
    image.encrypted = true;
    declare_format(image, "raw");
    EXPECT_EQ(image.format, "raw");
    EXPECT_EQ(image.backing_file, "");
    EXPECT_EQ(image.backing_format, "");
    EXPECT_EQ(image.virtual_size, image.file_size);
    EXPECT_FALSE(image.encrypted);
}

TEST(ImageTest, DeclaredWhatItIsItStaysAsItIs) {
    auto image = make_image("default", "web");
    image.backing_file = "/pools/default/base";
    const auto before = image;
    declare_format(image, "qcow2");
    EXPECT_EQ(image, before);
}

TEST(ImageTest, TextThatIsNotUtf8IsReplaced) {
    auto image = make_image("default", "caf\xe9");
    image.backing_file = "/pools/\xff";
    clean_text(image);
    EXPECT_EQ(image.name, "caf\uFFFD");
    EXPECT_EQ(image.backing_file, "/pools/\uFFFD");
}

TEST(ImageTest, NamesAreThoseOfFiles) {
    for (const std::string name : {"web.qcow2", "a", "Büro (alt).img", "-", "a b", "a..b", "$HOME", "%s"})
        EXPECT_FALSE(name_check(name).failed) << name;
    EXPECT_FALSE(name_check(std::string(255, 'x')).failed);
    for (const std::string name :
         {"", ".", "..", ".hidden", ".virtbus-1", "a/b", "/", "a\nb", "\x1b[31m", "\xff", "\x7f"})
        EXPECT_TRUE(refuses(name_check(name), Code::invalid_args, "name:")) << name;
    EXPECT_TRUE(refuses(name_check(std::string(256, 'x')), Code::invalid_args, "name:"));
    EXPECT_TRUE(refuses(name_check(std::string("a\0b", 3)), Code::invalid_args, "name:"));
}

TEST(ImageTest, SizesAreWholeSectors) {
    EXPECT_EQ(check_image_size("size", 1), 512U);
    EXPECT_EQ(check_image_size("size", 512), 512U);
    EXPECT_EQ(check_image_size("size", 513), 1024U);
    EXPECT_EQ(check_image_size("size", std::uint64_t{1} << 50), std::uint64_t{1} << 50);
    for (const auto size : {std::uint64_t{0}, (std::uint64_t{1} << 50) + 1, UINT64_MAX})
        EXPECT_TRUE(refuses(outcome_of([&] { check_image_size("size", size); }), Code::invalid_args, "size:")) << size;
}

TEST(ImageTest, FormatsAreThoseThatAreMade) {
    for (const auto* format : {"qcow2", "raw"})
        EXPECT_FALSE(outcome_of([&] { check_image_format("format", format); }).failed);
    for (const std::string format : {"", "vmdk", "QCOW2", "raw ", "luks", "\xff"}) {
        const auto outcome = outcome_of([&] { check_image_format("format", format); });
        EXPECT_TRUE(refuses(outcome, Code::invalid_args, "format:")) << outcome;
    }
}

}  // namespace
}  // namespace virtbus::test
