// SPDX-License-Identifier: LGPL-2.1-or-later
// Which images are based on which, which machines have them as disks, and what they are taken for.
#include "unit/storage_fixture.h"

namespace virtbus::test {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

/// top is based on middle, and that on base.
class ImageLinksTest : public StorageFixture {
protected:
    std::vector<std::string> chain(const std::string& name) { return names(storage().chain(mirrored_image(name))); }
    std::vector<std::string> overlays(const std::string& name) {
        return names(storage().overlays(mirrored_image(name)));
    }
    std::vector<std::string> machines(const std::string& name) {
        return names(storage().machines(mirrored_image(name)));
    }

    const Image base = put("base");
    const Image middle = put_overlay("middle", base);
    const Image top = put_overlay("top", middle);
};

TEST_F(ImageLinksTest, AChainGoesDownToItsEndNearestFirst) {
    connect();
    EXPECT_THAT(chain("top"), ElementsAre("middle", "base"));
    EXPECT_THAT(chain("base"), IsEmpty());
    EXPECT_THAT(overlays("base"), ElementsAre("middle"));
    EXPECT_THAT(overlays("top"), IsEmpty());
}

TEST_F(ImageLinksTest, AChainGoesThroughPools) {
    truth().add(make_pool("fast"));
    auto other = make_image("fast", "other");
    other.backing_file = top.path;
    truth().add(other);
    connect();
    EXPECT_THAT(names(storage().chain(mirrored_image("other", "fast"))), ElementsAre("top", "middle", "base"));
    EXPECT_THAT(overlays("top"), ElementsAre("other"));
}

TEST_F(ImageLinksTest, AChainEndsWhereItLeavesThePools) {
    change("base", [](Image& image) { image.backing_file = "/somewhere/else"; });
    connect();
    EXPECT_THAT(chain("top"), ElementsAre("middle", "base"));
}

TEST_F(ImageLinksTest, AChainThatIsACircleEnds) {
    change("base", [&](Image& image) { image.backing_file = top.path; });
    put("self", [](Image& image) { image.backing_file = image.path; });
    connect();
    EXPECT_THAT(chain("top"), ElementsAre("middle", "base"));
    EXPECT_THAT(chain("self"), IsEmpty());
}

TEST_F(ImageLinksTest, ThoseAboveAndTheOneBelowHearOfANewImage) {
    truth().erase("default", "middle");
    connect();
    EXPECT_THAT(chain("top"), IsEmpty());
    truth().add(middle);
    read();
    EXPECT_EQ(count("links default/top"), 1U) << "it has a longer chain";
    EXPECT_EQ(count("links default/base"), 1U) << "it has another user";
    EXPECT_THAT(chain("top"), ElementsAre("middle", "base"));
}

TEST_F(ImageLinksTest, AllAboveHearOfOneThatIsGone) {
    connect();
    truth().erase("default", "base");
    read();
    EXPECT_GE(count("links default/middle"), 1U);
    EXPECT_GE(count("links default/top"), 1U);
}

TEST_F(ImageLinksTest, TheOldAndTheNewOneBelowHearOfARebase) {
    put("other");
    connect();
    change("top", [](Image& image) { image.backing_file = "/pools/default/other"; });
    read();
    EXPECT_THAT(told.lines, Contains("changed default/top"));
    EXPECT_THAT(told.lines, Contains("links default/middle"));
    EXPECT_THAT(told.lines, Contains("links default/other"));
    EXPECT_THAT(overlays("middle"), IsEmpty());
    EXPECT_THAT(overlays("other"), ElementsAre("top"));
}

TEST_F(ImageLinksTest, NobodyHearsOfAnImageThatOnlyGrew) {
    connect();
    change("middle", [](Image& image) { image.allocation *= 2; });
    read();
    EXPECT_THAT(told.lines, ElementsAre("changed default/middle"));
}

TEST_F(ImageLinksTest, OfAHundredOverlaysEachHearsThatItsBaseIsGone) {
    for (int i = 0; i < 100; ++i) put_overlay(fmt::format("overlay-{}", i), base);
    put_overlay("upper", make_image("default", "overlay-7"));
    connect();
    truth().erase("default", "base");
    read();
    for (int i = 0; i < 100; ++i) EXPECT_GE(count(fmt::format("links default/overlay-{}", i)), 1U) << i;
    EXPECT_GE(count("links default/upper"), 1U);
}

TEST_F(ImageLinksTest, AMachineHasAnImageByItsFileOrByItsName) {
    put_machine("web", 1, top);
    auto volume = make_machine("db", 2);
    volume.disks[0].file.clear();
    volume.disks[0].pool = "default";
    volume.disks[0].volume = "top";
    fake->add(volume);
    connect();
    EXPECT_THAT(machines("top"), UnorderedElementsAre("web", "db"));
    EXPECT_THAT(machines("base"), IsEmpty()) << "only through another";
}

TEST_F(ImageLinksTest, AnImageHearsOfTheMachinesThatTakeAndLeaveIt) {
    connect();
    put_machine("web", 1, top);
    fake->touch(web);
    await_told("links default/top");
    EXPECT_THAT(machines("top"), ElementsAre("web"));
    told.lines.clear();
    fake->edit(web, [&](Machine& machine) { machine.disks[0].file = base.path; });
    fake->touch(web);
    await_told("links default/base");
    EXPECT_THAT(told.lines, Contains("links default/top"));
    EXPECT_THAT(machines("top"), IsEmpty());
    told.lines.clear();
    fake->erase(web);
    fake->touch(web);
    await_told("links default/base");
    EXPECT_THAT(machines("base"), IsEmpty());
}

TEST_F(ImageLinksTest, AMachineThatOnlyStartsIsNoNewUser) {
    put_machine("web", 1, top);
    connect();
    fake->edit(web, [](Machine& machine) { machine.state = MachineState::running; });
    fake->touch(web);
    await_line("changed web");
    EXPECT_THAT(told.lines, IsEmpty());
}

/// A guest has written a qcow2 header into its raw disk.
class ImageFormatOfTest : public StorageFixture {
protected:
    ImageFormatOfTest() {
        put("disk", [](Image& image) {
            image.backing_file = "/etc/shadow";
            image.stamp.inode = 7;
        });
    }
    void expect_raw() {
        const auto image = mirrored_image("disk");
        EXPECT_EQ(image.format, "raw");
        EXPECT_EQ(image.backing_file, "");
        EXPECT_EQ(image.virtual_size, image.file_size);
    }
    /// Another file is in its place.
    void replace_file() {
        change("disk", [](Image& image) { image.stamp.inode = 8; });
    }

    const std::string path = "/pools/default/disk";
};

TEST_F(ImageFormatOfTest, IsWhatLibvirtFindsWhenNobodyHasSaidAnything) {
    connect();
    EXPECT_EQ(mirrored_image("disk").format, "qcow2");
}

TEST_F(ImageFormatOfTest, IsWhatWasDeclared) {
    connect();
    run(loop, formats.declare(path, 7, "raw"));
    read();
    expect_raw();
}

TEST_F(ImageFormatOfTest, IsWhatAMachineSaysOfItsDisk) {
    connect();
    auto disk = mirrored_image("disk");
    disk.format = "raw";
    put_machine("web", 1, disk);
    fake->touch(web);
    await_told("changed default/disk");
    expect_raw();
    fake->erase(web);
    fake->touch(web);
    await_line("removed web");
    read();
    expect_raw();
}

TEST_F(ImageFormatOfTest, IsWhatAMachineSaidThatIsThereFromTheBeginning) {
    auto disk = *truth().image("default", "disk");
    disk.format = "raw";
    put_machine("web", 1, disk);
    connect();
    expect_raw();
}

// As at the start: machines are listed while the images of a large pool are shown, some at a time.
TEST_F(ImageFormatOfTest, IsWhatAMachineSaysThatCameWhileImagesAreShown) {
    connect();
    for (int i = 0; i < 1'000; ++i) put(fmt::format("{}", i));
    storage().touch("default");
    ASSERT_TRUE(turn_until(loop, [&] { return storage().images("default").size() > 100; }));
    int last = 0;
    while (storage().find_image("default", fmt::format("{}", last))) ++last;
    auto image = *truth().image("default", fmt::format("{}", last));
    image.format = "raw";
    put_machine("web", 1, image);
    fake->touch(web);
    await_line("added web");
    ASSERT_TRUE(turn_until(loop, [&] { return storage().images("default").size() == 1'001; }));
    EXPECT_EQ(mirrored_image(image.name).format, "raw");
}

TEST_F(ImageFormatOfTest, IsWhatWasDeclaredRatherThanWhatAMachineSays) {
    run(loop, formats.declare(path, 7, "raw"));
    put_machine("web", 1, *truth().image("default", "disk"));
    connect();
    expect_raw();
}

TEST_F(ImageFormatOfTest, IsNotThatOfTheFileBefore) {
    connect();
    run(loop, formats.declare(path, 7, "raw"));
    read();
    replace_file();
    read();
    EXPECT_EQ(mirrored_image("disk").format, "qcow2");
}

// Most hosts keep their images in the same directory, and stat(2) knows only the files of this one.
TEST_F(ImageFormatOfTest, OfAFileIsNotThatOfItsNamesakeOnAnotherHost) {
    run(loop, formats.declare(path, 7, "raw"));
    connect();
    const auto there = FakeHypervisor::make();
    there->storage().add(make_pool("default"));
    auto disk = *truth().image("default", "disk");
    disk.backing_file = "";
    disk.changed = 1;
    disk.external_data = true;
    there->storage().add(disk);
    auto other = make_image("default", "other");
    other.stamp.inode = 9;
    there->storage().add(other);
    auto machine = make_machine("web", 1);
    machine.disks[0].file = other.path;
    there->add(machine);
    const auto far = std::make_shared<Hypervisor>(loop, "far", "fake://host/", there->connector(), formats);
    far->start();
    run(loop, far->settled());
    const auto image = far->storage().find_image("default", "disk");
    ASSERT_TRUE(image);
    EXPECT_EQ(image->format, "qcow2");
    EXPECT_EQ(image->stamp, FileStamp());
    EXPECT_EQ(image->changed, 0U);
    EXPECT_FALSE(image->external_data);
    there->storage().erase("default", "disk");
    run(loop, far->storage().refreshed("default", false));
    change("disk", [](Image& image) { image.stamp.changed = 5; });
    read();
    expect_raw();
    EXPECT_EQ(formats.find(other.path, 9), std::nullopt) << "what its machines say is not of files here";
    far->stop();
    EXPECT_TRUE(turn_until(loop, [&] { return far->pending() == 0 && there->ports() == 0; }));
}

TEST_F(ImageFormatOfTest, IsForgottenWithItsImage) {
    connect();
    run(loop, formats.declare(path, 7, "raw"));
    read();
    const auto disk = *truth().image("default", "disk");
    truth().erase("default", "disk");
    read();
    truth().add(disk);
    read();
    EXPECT_EQ(mirrored_image("disk").format, "qcow2");
}

TEST_F(ImageFormatOfTest, IsStillKnownWhenItsPoolStopsAndStarts) {
    connect();
    run(loop, formats.declare(path, 7, "raw"));
    read();
    truth().stop_pool("default");
    read();
    truth().start_pool("default");
    read();
    expect_raw();
}

TEST_F(ImageFormatOfTest, IsStillKnownWhenItsPoolIsDefinedAnew) {
    connect();
    run(loop, formats.declare(path, 7, "raw"));
    read();
    truth().delete_pool("default");
    read();
    truth().add(make_pool("default"));
    read();
    expect_raw();
}

TEST_F(ImageFormatOfTest, OfTheNewFileIsNotThatOfTheOneItIsToReplace) {
    connect();
    run(loop, storage().declare(path, "raw"));
    read();
    EXPECT_EQ(mirrored_image("disk").format, "qcow2") << "it is still there";
    replace_file();
    read();
    expect_raw();
}

TEST_F(ImageFormatOfTest, IsAsBeforeWhenTheNewFileNeverCame) {
    connect();
    run(loop, storage().declare(path, "raw"));
    storage().withdraw(path);
    read();
    EXPECT_EQ(mirrored_image("disk").format, "qcow2");
}

// A job replaces the file and declares it, while somebody else's reading has seen the old one.
TEST_F(ImageFormatOfTest, IsThatOfTheNewFileThoughTheOldOneIsJustBeingRead) {
    connect();
    truth().block();
    fake->touch_pool("default");
    await_listing();
    replace_file();
    const auto declared = begin(loop, storage().declare(path, "raw"));
    settle(loop);
    truth().release();
    ASSERT_TRUE(turn_until(loop, [&] { return declared->done; }));
    read();
    expect_raw();
}

}  // namespace
}  // namespace virtbus::test
