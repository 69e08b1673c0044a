// SPDX-License-Identifier: LGPL-2.1-or-later
// What must not be done to an image is refused before a job begins, naming who stands in the way.
#include "unit/image_jobs_fixture.h"

namespace virtbus::test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

class ImageRulesTest : public ImageJobsFixture {
protected:
    ImageRulesTest() { put_overlay("overlay", base); }
    ~ImageRulesTest() override { EXPECT_EQ(fake->calls(PortCall::resize_disk), 0U); }

    using Operation = std::pair<const char*, std::function<void(const std::string&)>>;

    /// Everything that changes or reads a whole image.
    std::vector<Operation> operations() {
        return {
            {"clone", [this](const std::string& name) { clone(name, "copy"); }},
            {"linked clone", [this](const std::string& name) { clone(name, "copy", true); }},
            {"create on top", [this](const std::string& name) { create("top", 0, ref(name)); }},
            {"convert", [this](const std::string& name) { convert(name); }},
            {"rebase", [this](const std::string& name) { rebase(name, "other"); }},
            {"export as raw", [this](const std::string& name) { export_as(name, "raw"); }},
            {"wipe", [this](const std::string& name) { wipe(name); }},
        };
    }
    /// All of these, and more, refuse it.
    void expect_all_refused(const std::string& name, Code code, const std::string& part) {
        for (const auto& operation : operations()) {
            const auto outcome = outcome_of([&] { operation.second(name); });
            EXPECT_TRUE(refuses(outcome, code)) << operation.first << ": " << outcome;
            EXPECT_THAT(outcome.text, HasSubstr(part)) << operation.first;
        }
        EXPECT_THAT(jobs.list(), IsEmpty());
    }

    const Image base = put("base");
    const Image other = put("other");
};

TEST_F(ImageRulesTest, ADiskOfARunningMachineIsLeftAlone) {
    put_machine("web", 1, *truth().image("default", "overlay"), MachineState::running);
    connect();
    expect_all_refused("overlay", Code::in_use, "machine web is running and has it as a disk");
    expect_refused(
        Code::in_use, [&] { flatten("overlay"); }, "machine web");
    expect_refused(
        Code::in_use, [&] { check("overlay"); }, "machine web");
    expect_refused(
        Code::in_use, [&] { export_as("overlay"); }, "machine web");
    expect_refused(
        Code::in_use, [&] { remove("overlay", true); }, "machine web");
    expect_refused(
        Code::in_use, [&] { resize("overlay", gib / 2, true); }, "machine web");
    expect_refused(
        Code::in_use, [&] { rebase("other", "overlay"); }, "machine web");
}

TEST_F(ImageRulesTest, APausedMachineRunsToo) {
    put_machine("web", 1, base, MachineState::paused);
    connect();
    expect_refused(
        Code::in_use, [&] { clone("base", "copy"); }, "machine web is paused");
}

TEST_F(ImageRulesTest, WhatIsBasedOnTheDiskOfARunningMachineIsLeftAlone) {
    put_machine("web", 1, base, MachineState::running);
    connect();
    expect_refused(
        Code::in_use, [&] { clone("overlay", "copy"); }, "has default/base as a disk");
    expect_refused(
        Code::in_use, [&] { flatten("overlay"); }, "has default/base as a disk");
}

TEST_F(ImageRulesTest, TwoRunningMachinesOnOneDiskKeepItFromGrowing) {
    put_machine("web", 1, other, MachineState::running);
    put_machine("db", 2, other, MachineState::running);
    connect();
    expect_refused(
        Code::in_use, [&] { resize("other", 2 * gib); }, "shut it down first");
}

TEST_F(ImageRulesTest, ADiskOfAMachineThatIsOffKeepsItsFormatAndItsPlace) {
    put_machine("web", 1, other);
    connect();
    expect_refused(
        Code::in_use, [&] { convert("other"); }, "machine web has it as a disk");
    expect_refused(
        Code::in_use, [&] { remove("other"); }, "\"force\"");
    await_end(clone("other", "copy"));
    await_end(export_as("other"));
    await_end(resize("other", 2 * gib));
    await_end(wipe("other"));
    await_end(remove("other", true));
}

// As after virsh attach-disk --config.
TEST_F(ImageRulesTest, ADiskThatARunningMachineHasWhenItStartsNextKeepsItsFormatAndItsPlaceToo) {
    put_machine("web", 1, base, MachineState::running);
    fake->edit(web, [&](Machine& machine) {
        machine.next_disks = machine.disks;
        machine.next_disks[0].file = other.path;
    });
    put("volume");
    put_machine("db", 2, base, MachineState::running);
    fake->edit(database, [](Machine& machine) {
        machine.next_disks.resize(1);
        machine.next_disks[0].pool = "default";
        machine.next_disks[0].volume = "volume";
    });
    connect();
    expect_refused(
        Code::in_use, [&] { convert("other"); }, "machine web has it as a disk when it starts next");
    expect_refused(
        Code::in_use, [&] { remove("other"); }, "\"force\"");
    expect_refused(
        Code::in_use, [&] { remove("volume"); }, "machine db");
    await_end(clone("other", "copy"));
    await_end(remove("other", true));
}

TEST_F(ImageRulesTest, WhatOthersAreBasedOnIsLeftAlone) {
    connect();
    for (const auto& operation :
         std::vector<Operation>{{"convert", [this](const std::string& name) { convert(name); }},
                                {"resize", [this](const std::string& name) { resize(name, 2 * gib); }},
                                {"wipe", [this](const std::string& name) { wipe(name); }},
                                {"delete", [this](const std::string& name) { remove(name); }},
                                {"delete with force", [this](const std::string& name) { remove(name, true); }}}) {
        const auto outcome = outcome_of([&] { operation.second("base"); });
        EXPECT_TRUE(refuses(outcome, Code::in_use)) << operation.first << ": " << outcome;
        EXPECT_THAT(outcome.text, HasSubstr("image default/overlay is based on it")) << operation.first;
    }
    await_end(clone("base", "copy"));
    await_end(clone("base", "linked", true));
    await_end(check("base"));
    await_end(export_as("base"));
}

// org.virtbus1.Image: "never changed … while others are based on it".
TEST_F(ImageRulesTest, WhatOthersAreBasedOnIsNotReplacedEither) {
    connect();
    expect_refused(
        Code::in_use, [&] { rebase("base", "other"); }, "based on it");
    put_overlay("top", make_image("default", "overlay"));
    read();
    expect_refused(
        Code::in_use, [&] { flatten("overlay"); }, "based on it");
}

TEST_F(ImageRulesTest, AChainThatLeavesThePoolsIsUnsafe) {
    change("base", [](Image& image) { image.backing_file = "/etc/shadow"; });
    connect();
    for (const auto* name : {"base", "overlay"})
        expect_all_refused(name, Code::unsafe_image,
                           "default/base is based on /etc/shadow, which is no image of a pool");
    expect_refused(Code::unsafe_image, [&] { flatten("overlay"); });
    expect_refused(Code::unsafe_image, [&] { resize("overlay", 2 * gib); });
    expect_refused(Code::unsafe_image, [&] { rebase("other", "overlay"); });
    expect_refused(Code::unsafe_image, [&] { export_as("overlay"); });
    await_end(remove("overlay"));
}

TEST_F(ImageRulesTest, AnImageThatIsTakenForAnotherFormatIsUnsafe) {
    change("overlay", [](Image& image) { image.backing_format = "raw"; });
    connect();
    expect_all_refused("overlay", Code::unsafe_image, "default/overlay takes default/base for raw, which is qcow2");
}

TEST_F(ImageRulesTest, AnImageThatIsTakenForWhateverItLooksLikeIsUnsafe) {
    change("overlay", [](Image& image) { image.backing_format = ""; });
    connect();
    expect_all_refused("overlay", Code::unsafe_image, "takes default/base for anything");
}

TEST_F(ImageRulesTest, OtherFormatsAreNotSupported) {
    put("disk.vmdk", [](Image& image) { image.format = "vmdk"; });
    connect();
    expect_all_refused("disk.vmdk", Code::not_supported, "the format of default/disk.vmdk is vmdk");
    expect_refused(Code::not_supported, [&] { resize("disk.vmdk", 2 * gib); });
    expect_refused(Code::not_supported, [&] { check("disk.vmdk"); });
    await_end(export_as("disk.vmdk"));
    await_end(remove("disk.vmdk"));
}

TEST_F(ImageRulesTest, EncryptedImagesAreNotSupported) {
    change("base", [](Image& image) { image.encrypted = true; });
    connect();
    expect_all_refused("overlay", Code::not_supported, "default/base is encrypted");
}

TEST_F(ImageRulesTest, RawHasNothingToCheckAndIsBasedOnNothing) {
    put("raw", [](Image& image) { image.format = "raw"; });
    connect();
    expect_refused(
        Code::not_supported, [&] { check("raw"); }, "no structure");
    expect_refused(
        Code::invalid_state, [&] { rebase("raw", "base"); }, "only qcow2");
    expect_refused(Code::invalid_state, [&] { flatten("raw"); });
}

TEST_F(ImageRulesTest, NothingIsBasedOnItself) {
    connect();
    expect_refused(
        Code::invalid_args, [&] { rebase("base", "base"); }, "backing: image default/base is the same");
    expect_refused(
        Code::invalid_args, [&] { rebase("base", "overlay"); }, "is based on this one");
}

TEST_F(ImageRulesTest, ThereMustBeSuchAnImageAndPool) {
    connect();
    expect_refused(Code::no_such_image, [&] { rebase("base", "nothing"); });
    expect_refused(Code::no_such_image, [&] { create("web", 0, ref("nothing")); });
    expect_refused(Code::no_such_image, [&] { create("web", 0, ref("base", "nowhere")); });
    expect_refused(
        Code::no_such_pool,
        [&] {
            image_jobs.create(origin(), {"nowhere", "web", "qcow2", Preallocation::off}, gib, std::nullopt);
        },
        "there is no pool nowhere on test");
    expect_refused(Code::no_such_pool, [&] { image_jobs.refresh(origin(), "nowhere"); });
}

TEST_F(ImageRulesTest, AnImageThatExistsIsNotMadeAgain) {
    connect();
    expect_refused(
        Code::already_exists, [&] { create("base"); }, "already an image base in pool default");
    expect_refused(Code::already_exists, [&] { clone("base", "overlay"); });
    expect_refused(Code::already_exists, [&] { import_image("base"); });
}

TEST_F(ImageRulesTest, APoolMustRun) {
    connect();
    auto image = mirrored_image("base");
    truth().stop_pool("default");
    read();
    expect_refused(
        Code::invalid_state, [&] { create("web"); }, "pool default is inactive");
    expect_refused(Code::invalid_state, [&] { image_jobs.refresh(origin(), "default"); });
    expect_refused(Code::invalid_state, [&] { image_jobs.remove(origin(), image, false); });
}

TEST_F(ImageRulesTest, OtherPoolsThanDirectoriesAreOnlyReadAndTidied) {
    change_pool("default", [](Pool& pool) { pool.type = "logical"; });
    connect();
    for (const auto& operation : operations()) {
        const auto outcome = outcome_of([&] { operation.second("base"); });
        const std::string name = operation.first;
        if (name == "convert" || name == "wipe" || name == "rebase") continue;  // in_use comes first
        EXPECT_TRUE(refuses(outcome, Code::not_supported)) << operation.first << ": " << outcome;
    }
    expect_refused(
        Code::not_supported, [&] { convert("other"); }, "of type logical");
    expect_refused(Code::not_supported, [&] { rebase("overlay", "other"); });
    expect_refused(Code::not_supported, [&] { flatten("overlay"); });
    expect_refused(Code::not_supported, [&] { wipe("other"); });
    expect_refused(Code::not_supported, [&] { resize("other", 2 * gib); });
    expect_refused(Code::not_supported, [&] { check("other"); });
    expect_refused(Code::not_supported, [&] { import_image("web"); });
    await_end(export_as("other"));
    await_end(remove("other"));
}

TEST_F(ImageRulesTest, AnotherHostsImagesAreOnlyReadAndTidied) {
    connect();
    const auto far = std::make_shared<Hypervisor>(loop, "far", "fake://host/", fake->connector(), formats);
    far->start();
    ASSERT_TRUE(turn_until(loop, [&] { return far->storage().images("default").size() == 3; }));
    const JobOrigin from{far, 0};
    const auto image = *far->storage().find_image("default", "other");
    expect_refused(
        Code::not_supported, [&] { image_jobs.create(from, new_image("web"), gib, std::nullopt); },
        "pool default is on another host, that of fake://host/");
    expect_refused(Code::not_supported, [&] { image_jobs.clone(from, image, new_image("web"), false); });
    expect_refused(Code::not_supported, [&] { image_jobs.wipe(from, image); });
    expect_refused(Code::not_supported, [&] { image_jobs.resize(from, image, 2 * gib, false); });
    const auto deletion = image_jobs.remove(from, image, false);
    await_end(deletion);
    far->stop();
    EXPECT_TRUE(turn_until(loop, [&] { return far->pending() == 0; }));
}

TEST_F(ImageRulesTest, APoolMustHaveRoomForWhatIsTakenAtOnce) {
    connect();
    const NewImage full{"default", "web", "qcow2", Preallocation::full};
    expect_refused(
        Code::no_space, [&] { image_jobs.create(origin(), full, 61 * gib, std::nullopt); }, "pool default has");
    change_pool("default", [](Pool& pool) { pool.available = 500; });
    read();
    expect_refused(Code::no_space, [&] { image_jobs.clone(origin(), mirrored_image("base"), full, false); });
    expect_refused(Code::no_space, [&] { import_image("web"); });
    await_end(create("sparse", 61 * gib));
}

TEST_F(ImageRulesTest, ShrinkingHasToBeAllowed) {
    connect();
    expect_refused(
        Code::invalid_args, [&] { resize("other", gib / 2); }, "\"shrink\" allows that");
    expect_refused(
        Code::invalid_args, [&] { resize("other", 0, true); }, "size: must not be 0");
    await_end(resize("other", gib / 2, true));
}

/// What a machine that starts is going to use.
class ClaimDisksTest : public ImageJobsFixture {
protected:
    ClaimDisksTest() {
        put_overlay("overlay", base);
        connect();
    }

    Disk disk(const std::string& name, bool readonly = false) {
        Disk disk;
        disk.file = mirrored_image(name).path;
        disk.format = "qcow2";
        disk.readonly = readonly;
        return disk;
    }
    Claims::Claim claim(const std::vector<Disk>& disks) {
        return claim_disks(jobs, *hypervisor, "the start of machine web", disks);
    }

    const Image base = put("base");
};

TEST_F(ClaimDisksTest, KeepJobsAwayWhileTheMachineStarts) {
    auto held = claim({disk("overlay")});
    expect_refused(
        Code::in_use, [&] { wipe("overlay"); }, "the start of machine web is working on it");
    expect_refused(Code::in_use, [&] { export_as("overlay"); });
    held.reset();
    await_end(export_as("overlay"));
}

TEST_F(ClaimDisksTest, WaitForNobodyWhoWorksOnThem) {
    tool->block();
    const auto number = wipe("overlay");
    expect_refused(
        Code::in_use, [&] { claim({disk("overlay")}); }, fmt::format("job {} (wipe)", number));
    expect_refused(Code::in_use, [&] { claim({disk("overlay", true)}); });
}

TEST_F(ClaimDisksTest, AreNotWrittenWhileOthersAreBasedOnThem) {
    expect_refused(
        Code::in_use, [&] { claim({disk("base")}); }, "image default/overlay is based on it");
    EXPECT_TRUE(claim({disk("base", true)})) << "reading is allowed";
}

TEST_F(ClaimDisksTest, AreReadByAJobAndAMachineTogether) {
    tool->block();
    clone("base", "copy");
    EXPECT_TRUE(claim({disk("base", true)}));
}

TEST_F(ClaimDisksTest, AreFoundByTheirVolumeToo) {
    Disk volume;
    volume.pool = "default";
    volume.volume = "overlay";
    const auto held = claim({volume});
    expect_refused(Code::in_use, [&] { wipe("overlay"); });
}

TEST_F(ClaimDisksTest, MustBeSafe) {
    change("base", [](Image& image) { image.backing_file = "/etc/shadow"; });
    read();
    expect_refused(
        Code::unsafe_image, [&] { claim({disk("overlay")}); }, "/etc/shadow");
}

TEST_F(ClaimDisksTest, MustBeTakenForRawWhereTheyAre) {
    auto raw = disk("base");
    change("base", [](Image& image) { image.format = "raw"; });
    truth().erase("default", "overlay");
    read();
    expect_refused(
        Code::unsafe_image, [&] { claim({raw}); }, "image default/base: it is raw");
    raw.format = "raw";
    EXPECT_TRUE(claim({raw}));
    raw.format = "";
    EXPECT_TRUE(claim({raw})) << "libvirt does not guess either";
}

TEST_F(ClaimDisksTest, ThatAreNoImagesAreTheCallersBusiness) {
    Disk elsewhere;
    elsewhere.file = "/dev/sdb";
    Disk nothing;
    EXPECT_TRUE(claim({elsewhere, nothing}));
    EXPECT_TRUE(claim({}));
}

}  // namespace
}  // namespace virtbus::test
