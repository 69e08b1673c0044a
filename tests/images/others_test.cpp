// SPDX-License-Identifier: LGPL-2.1-or-later
// What others do to a pool's directory, or with virsh, shows by itself.
#include "images_test.h"

#include <fmt/format.h>

#include <chrono>
#include <future>

namespace virtbus::test {

class OthersTest : public ImagesTest {
protected:
    /// Does it, and expects a signal about the image.
    void expect_soon(const std::vector<std::string>& words, const std::string& signal, const std::string& name) {
        observer.flush();
        observer.signals.clear();
        output_of(words);
        const auto start = Clock::now();
        EXPECT_TRUE(observer.wait_for(signal, path_of(name))) << words[0];
        fmt::print("{} {}: {} after {:.2f} s\n", words[0], words[1], signal, seconds_since(start));
        EXPECT_EQ(is_listed(name), signal == "InterfacesAdded");
    }
};

TEST_F(OthersTest, FilesComeAndGo) {
    expect_soon({"qemu-img", "create", "-q", "-f", "qcow2", file_of("disk"), "64M"}, "InterfacesAdded", "disk");
    EXPECT_EQ(image("disk")->Format(), "qcow2");
    EXPECT_EQ(image("disk")->VirtualSize(), 64 * mebibyte);
    expect_soon({"mv", file_of("disk"), file_of("moved")}, "InterfacesAdded", "moved");
    EXPECT_TRUE(observer.wait_for("InterfacesRemoved", path_of("disk")));
    expect_soon({"cp", file_of("moved"), file_of("copied")}, "InterfacesAdded", "copied");
    expect_soon({"rm", file_of("moved")}, "InterfacesRemoved", "moved");
    expect_soon({"mv", file_of("copied"), outside()}, "InterfacesRemoved", "copied");
    expect_soon({"truncate", "-s", "1M", file_of("raw")}, "InterfacesAdded", "raw");
    EXPECT_EQ(pool()->ImageCount(), 1U);
}

TEST_F(OthersTest, VolumesComeAndGo) {
    const auto& pool = pool_name();
    expect_soon({"virsh", "vol-create-as", pool, "disk", "8M", "--format", "qcow2"}, "InterfacesAdded", "disk");
    expect_soon({"virsh", "vol-clone", "--pool", pool, "disk", "copy"}, "InterfacesAdded", "copy");
    expect_soon({"virsh", "vol-delete", "--pool", pool, "disk"}, "InterfacesRemoved", "disk");
}

// libvirt itself refuses that for as long.
TEST_F(OthersTest, APoolIsLookedAtWhileAVolumeIsMadeThere) {
    write_file(file_of("disk"), std::string(256 * mebibyte, 'x'));
    EXPECT_THAT(refresh(), Succeeded());
    auto copying = std::async(std::launch::async, [&] {
        output_of({"virsh", "vol-clone", "--pool", pool_name(), "disk", "copy"});
    });
    while (copying.wait_for(std::chrono::seconds(0)) != std::future_status::ready) EXPECT_THAT(refresh(), Succeeded());
    copying.get();
    EXPECT_TRUE(wait_until_listed("copy"));
}

TEST_F(OthersTest, AChangedFileIsSeen) {
    ASSERT_THAT(create("disk", 8 * mebibyte), Succeeded());
    output_of({"qemu-img", "resize", "-q", "-f", "qcow2", file_of("disk"), "24M"});
    EXPECT_TRUE(actor.wait_until([&] { return image("disk")->VirtualSize() == 24 * mebibyte; }));
}

/// What virtbus makes under names of its own is nobody else's business.
TEST_F(OthersTest, TemporaryFilesAreShownNowhere) {
    write_file(file_of(".virtbus-9-deadbeef"), "half an image");
    expect_soon({"truncate", "-s", "1M", file_of("raw")}, "InterfacesAdded", "raw");
    EXPECT_THAT(refresh(), Succeeded());
    EXPECT_EQ(listed(), std::vector<std::string>{"raw"});
}

TEST_F(OthersTest, APoolOfOthersIsShown) {
    const auto place = outside() / "theirs";
    std::filesystem::create_directory(place);
    const auto path = std::string(hypervisor_path) + "/pool/theirs";
    observer.signals.clear();
    output_of({"virsh", "pool-create-as", "theirs", "dir", "--target", place});
    EXPECT_TRUE(observer.wait_for("InterfacesAdded", path));
    write_file(place / "disk", "x");
    EXPECT_TRUE(observer.wait_for("InterfacesAdded", path + "/image/disk"));
    output_of({"virsh", "pool-destroy", "theirs"});
    EXPECT_TRUE(observer.wait_for("InterfacesRemoved", path + "/image/disk"));
    EXPECT_TRUE(observer.wait_for("InterfacesRemoved", path));
}

}  // namespace virtbus::test
