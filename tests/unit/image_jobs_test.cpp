// SPDX-License-Identifier: LGPL-2.1-or-later
// What each job on an image asks for, and what there is when it is done.
#include "unit/image_jobs_fixture.h"

namespace virtbus::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

class ImageJobsTest : public ImageJobsFixture {
protected:
    ImageJobsTest() {
        put_overlay("overlay", base);
        connect();
    }

    const Image base = put("base");
};

TEST_F(ImageJobsTest, CreateMakesAnImage) {
    const auto number = create("web", 1'000);
    EXPECT_EQ(job(number).kind, JobKind::create);
    EXPECT_EQ(job(number).subject, ObjectRef(ref("web")));
    EXPECT_EQ(job(number).owner, 1000U);
    await_end(number);
    expect_image_result(number, ref("web"));
    EXPECT_EQ(job(number).progress, 1);
    EXPECT_FALSE(job(number).result.contains("warning"));
    EXPECT_THAT(tool->calls(), ElementsAre("create web"));
    EXPECT_EQ(mirrored_image("web").virtual_size, 1'024U) << "whole sectors; and it shows when the job is done";
    expect_free("web");
    await_empty_journal();
}

TEST_F(ImageJobsTest, CreateMakesItUnderATemporaryNameThatTheJournalKnows) {
    tool->block();
    const auto number = create("web");
    await_tool();
    const auto target = tool->target();
    EXPECT_EQ(target.directory, "/pools/default");
    EXPECT_THAT(target.temporary, StartsWith(fmt::format(".virtbus-{}-", number)));
    EXPECT_EQ(target.name, "web");
    EXPECT_EQ(target.format, "qcow2");
    EXPECT_FALSE(target.replace);
    EXPECT_THAT(journal_text(), HasSubstr(target.temporary));
    EXPECT_THAT(journal_text(), HasSubstr("create image default/web"));
    EXPECT_EQ(storage().find_image("default", "web"), nullptr);
    tool->release();
    await_end(number);
}

TEST_F(ImageJobsTest, CreateTakesFormatAndPreallocation) {
    const auto number = image_jobs.create(origin(), {"default", "web", "raw", Preallocation::full}, gib, std::nullopt);
    await_end(number);
    EXPECT_EQ(tool->target().format, "raw");
    EXPECT_EQ(tool->target().preallocation, Preallocation::full);
}

TEST_F(ImageJobsTest, CreateBasesAnImageOnAnother) {
    await_end(create("web", 0, ref("base")));
    EXPECT_EQ(mirrored_image("web").backing_file, base.path);
    EXPECT_EQ(mirrored_image("web").backing_format, "qcow2");
    EXPECT_EQ(mirrored_image("web").virtual_size, base.virtual_size);
    await_end(create("larger", 2 * gib, ref("base")));
    EXPECT_EQ(mirrored_image("larger").virtual_size, 2 * gib);
}

TEST_F(ImageJobsTest, CreateWarnsWhenThePoolCouldNotHoldItAll) {
    const auto number = create("web", 61 * gib);
    await_end(number);
    ASSERT_TRUE(job(number).result.contains("warning"));
    EXPECT_THAT(std::get<std::string>(job(number).result.at("warning")), HasSubstr("pool default"));
}

TEST_F(ImageJobsTest, WhatIsMadeIsDeclared) {
    await_end(image_jobs.create(origin(), {"default", "web", "raw", Preallocation::off}, gib, std::nullopt));
    change("web", [](Image& image) { image.format = "qcow2"; });  // a guest has written a header into it
    read();
    EXPECT_EQ(mirrored_image("web").format, "raw");
    EXPECT_EQ(formats.find("/pools/default/web", 0), "raw");
}

TEST_F(ImageJobsTest, NothingIsSaidOfAnImageThatIsNotMadeAsThatCannotBeWrittenDown) {
    std::filesystem::create_directory(directory.path / "formats.json.new");  // as on a full disk
    await_failure(image_jobs.create(origin(), {"default", "web", "raw", Preallocation::off}, gib, std::nullopt),
                  Code::failed, "Cannot write ");
    EXPECT_EQ(formats.find("/pools/default/web", 7), std::nullopt) << "another file of that name is not it";
    await_empty_journal();
}

TEST_F(ImageJobsTest, ImportTakesWhatComesAndLooksAtItFirst) {
    ImportPlan plan;
    plan.size = 1'000;
    plan.sha256 = std::string(64, '0');
    const auto number = import_image("web", plan);
    EXPECT_EQ(job(number).kind, JobKind::import_image);
    await_end(number);
    expect_image_result(number, ref("web"));
    EXPECT_THAT(tool->calls(), ElementsAre("adopt web"));
    EXPECT_EQ(job(number).processed, 1'000U);
    EXPECT_NE(storage().find_image("default", "web"), nullptr);
    await_empty_journal();
}

TEST_F(ImageJobsTest, ImportFailsWhenSomethingElseCame) {
    ImportPlan plan;
    plan.size = 999;
    await_failure(import_image("web", plan), Code::invalid_args, "size: 1000 bytes");
    plan.size.reset();
    plan.sha256 = std::string(64, 'f');
    await_failure(import_image("web", plan), Code::invalid_args, "sha256: ");
    tool->fail(Error(Code::unsafe_image, "it has a backing file"));
    await_failure(import_image("web"), Code::unsafe_image, "it has a backing file");
    EXPECT_EQ(tool->removed().size(), 3U) << "what came is removed";
    EXPECT_EQ(storage().find_image("default", "web"), nullptr);
    expect_free("web");
}

TEST_F(ImageJobsTest, AnImportThatFailsSaysWhyThoughItsRestCannotBeRemoved) {
    tool->fail(Error(Code::unsafe_image, "it has a backing file"));
    tool->fail_to_remove(Error(Code::failed, "it does not answer"));
    await_failure(import_image("web"), Code::unsafe_image, "it has a backing file");
}

TEST_F(ImageJobsTest, CloneCopiesAllOfAnImage) {
    const auto number = clone("overlay", "copy");
    EXPECT_EQ(job(number).kind, JobKind::clone);
    EXPECT_EQ(job(number).subject, ObjectRef(ref("overlay")));
    await_end(number);
    expect_image_result(number, ref("copy"));
    EXPECT_THAT(tool->calls(), ElementsAre("convert overlay"));
    EXPECT_EQ(tool->target().name, "copy");
    EXPECT_FALSE(tool->target().replace);
    EXPECT_EQ(mirrored_image("copy").backing_file, "");
    EXPECT_EQ(formats.find("/pools/default/copy", 0), "qcow2");
}

TEST_F(ImageJobsTest, ALinkedCloneIsBasedOnItsSource) {
    await_end(clone("overlay", "copy", true));
    EXPECT_THAT(tool->calls(), ElementsAre("create copy"));
    EXPECT_THAT(names(storage().chain(mirrored_image("copy"))), ElementsAre("overlay", "base"));
    EXPECT_EQ(mirrored_image("copy").virtual_size, gib);
}

TEST_F(ImageJobsTest, CloneGoesToAnotherPool) {
    truth().add(make_pool("fast"));
    read("fast");
    const NewImage copy{"fast", "copy", "raw", Preallocation::off};
    const auto number = image_jobs.clone(origin(), mirrored_image("base"), copy, false);
    await_end(number);
    expect_image_result(number, ref("copy", "fast"));
    EXPECT_EQ(tool->target().directory, "/pools/fast");
    EXPECT_EQ(mirrored_image("copy", "fast").format, "raw");
}

TEST_F(ImageJobsTest, ConvertReplacesAnImage) {
    const auto number = convert("overlay");
    EXPECT_EQ(job(number).kind, JobKind::convert);
    await_end(number);
    expect_image_result(number, ref("overlay"));
    EXPECT_THAT(tool->calls(), ElementsAre("convert overlay"));
    EXPECT_TRUE(tool->target().replace);
    EXPECT_EQ(mirrored_image("overlay").format, "raw");
    EXPECT_EQ(mirrored_image("overlay").backing_file, "");
    expect_free("overlay");
    expect_free("base");
}

TEST_F(ImageJobsTest, FlattenMakesAnImageStandAlone) {
    const auto number = flatten("overlay");
    EXPECT_EQ(job(number).kind, JobKind::flatten);
    await_end(number);
    EXPECT_THAT(tool->calls(), ElementsAre("convert overlay"));
    EXPECT_TRUE(tool->target().replace);
    EXPECT_EQ(tool->target().format, "qcow2");
    EXPECT_EQ(mirrored_image("overlay").backing_file, "");
    expect_refused(
        Code::invalid_state, [&] { flatten("overlay"); }, "is based on none");
}

TEST_F(ImageJobsTest, WhatReplacesAnImageIsShownBeforeTheJobEndsThoughLibvirtIsBusy) {
    truth().fail(Error(Code::busy, "libvirt is busy"), 2);  // its look at the pool, and what it has seen before
    await_end(flatten("overlay"));
    EXPECT_EQ(mirrored_image("overlay").backing_file, "");
}

TEST_F(ImageJobsTest, RebaseBasesAnImageOnAnother) {
    put("other");
    read();
    const auto number = rebase("overlay", "other");
    EXPECT_EQ(job(number).kind, JobKind::rebase);
    await_end(number);
    EXPECT_THAT(tool->calls(), ElementsAre("rebase overlay"));
    EXPECT_TRUE(tool->target().replace);
    EXPECT_THAT(names(storage().chain(mirrored_image("overlay"))), ElementsAre("other"));
}

TEST_F(ImageJobsTest, ResizeChangesTheSizeOfAnImageThatNobodyUses) {
    const auto number = resize("overlay", 2 * gib - 1);
    EXPECT_EQ(job(number).kind, JobKind::resize);
    await_end(number);
    EXPECT_THAT(tool->calls(), ElementsAre("resize overlay"));
    EXPECT_EQ(mirrored_image("overlay").virtual_size, 2 * gib);
    EXPECT_EQ(truth().refreshes(), 1) << "libvirt would not notice";
    await_end(resize("overlay", gib, true));
    EXPECT_EQ(mirrored_image("overlay").virtual_size, gib);
}

TEST_F(ImageJobsTest, ResizeGrowsTheDiskOfARunningMachine) {
    put_machine("web", 1, mirrored_image("overlay"), MachineState::running);
    fake->touch(web);
    await_told("links default/overlay");
    await_end(resize("overlay", 2 * gib));
    EXPECT_THAT(tool->calls(), IsEmpty());
    EXPECT_EQ(fake->calls(PortCall::resize_disk), 1U);
    EXPECT_EQ(mirrored_image("overlay").virtual_size, 2 * gib);
}

TEST_F(ImageJobsTest, WipeLeavesAnEmptyImageOfTheSameSize) {
    change("overlay", [](Image& image) { image.virtual_size = 3 * gib; });
    read();
    const auto number = wipe("overlay");
    EXPECT_EQ(job(number).kind, JobKind::wipe);
    await_end(number);
    EXPECT_THAT(tool->calls(), ElementsAre("wipe overlay"));
    EXPECT_TRUE(tool->target().replace);
    EXPECT_EQ(mirrored_image("overlay").virtual_size, 3 * gib);
    EXPECT_EQ(mirrored_image("overlay").backing_file, "");
}

TEST_F(ImageJobsTest, CheckSaysWhatItFound) {
    const auto number = check("base");
    EXPECT_EQ(job(number).kind, JobKind::check);
    await_end(number);
    const auto& result = job(number).result;
    EXPECT_EQ(std::get<bool>(result.at("consistent")), true) << "leaks only cost space";
    EXPECT_EQ(std::get<std::uint64_t>(result.at("leaks")), 3U);
    EXPECT_EQ(std::get<std::uint64_t>(result.at("corruptions")), 0U);
    EXPECT_EQ(std::get<std::uint64_t>(result.at("errors")), 0U);
    expect_free("base");
}

TEST_F(ImageJobsTest, ExportWritesTheFileAsItIs) {
    const auto number = export_as("base");
    EXPECT_EQ(job(number).kind, JobKind::export_image);
    await_end(number);
    EXPECT_EQ(std::get<std::uint64_t>(job(number).result.at("size")), 1'000U);
    EXPECT_THAT(tool->calls(), IsEmpty());
    await_end(export_as("base", "qcow2"));
    EXPECT_THAT(tool->calls(), IsEmpty()) << "it has that format";
}

TEST_F(ImageJobsTest, ExportOfAnotherFormatGoesThroughATemporaryFile) {
    tool->block();
    const auto number = export_as("base", "raw");
    await_tool();
    const auto target = tool->target();
    EXPECT_EQ(target.name, "") << "it never becomes an image";
    EXPECT_EQ(target.format, "raw");
    EXPECT_THAT(target.temporary, StartsWith(".virtbus-"));
    EXPECT_THAT(journal_text(), HasSubstr(target.temporary));
    tool->release();
    await_end(number);
    EXPECT_THAT(tool->calls(), ElementsAre("convert base"));
    EXPECT_EQ(tool->removed().size(), 1U);
    EXPECT_THAT(tool->removed(), ElementsAre("/pools/default/" + target.temporary));
    EXPECT_EQ(std::get<std::uint64_t>(job(number).result.at("size")), 1'000U);
    await_empty_journal();
}

TEST_F(ImageJobsTest, ExportOfWhatIsBasedOnAnotherGoesThroughATemporaryFile) {
    await_end(export_as("overlay"));
    EXPECT_THAT(tool->calls(), ElementsAre("convert overlay"));
    EXPECT_EQ(tool->removed().size(), 1U);
}

TEST_F(ImageJobsTest, ExportThatFailsRemovesItsTemporaryFile) {
    tool->fail(Error(Code::no_space, "the pool is full"));
    await_failure(export_as("overlay"), Code::no_space, "the pool is full");
    EXPECT_EQ(tool->removed().size(), 1U);
    tool->block();
    const auto number = export_as("overlay");
    await_tool();
    jobs.cancel(number);
    await_end(number, JobState::cancelled);
    EXPECT_EQ(tool->removed().size(), 2U);
    await_empty_journal();
}

// Else it is left for ever: the next start of the daemon looks only into the journal.
TEST_F(ImageJobsTest, ATemporaryFileThatCouldNotBeRemovedStaysInTheJournal) {
    tool->never_remove_in("/pools/default");
    const auto number = export_as("overlay");
    ASSERT_TRUE(turn_until(loop, [&] { return job(number).state != JobState::running; }));
    await_quiet();
    ASSERT_THAT(tool->removed(), IsEmpty());
    EXPECT_FALSE(turn_until(
        loop, [&] { return journal_text() == "[]"; }, std::chrono::milliseconds(300)));
}

TEST_F(ImageJobsTest, DeleteRemovesAnImage) {
    const auto number = remove("overlay");
    EXPECT_EQ(job(number).kind, JobKind::remove);
    await_end(number);
    EXPECT_EQ(truth().image("default", "overlay"), std::nullopt);
    EXPECT_EQ(storage().find_image("default", "overlay"), nullptr) << "it is gone when the job is done";
    EXPECT_THAT(tool->calls(), IsEmpty());
    await_end(remove("base"));
}

TEST_F(ImageJobsTest, RefreshLooksAgain) {
    put("web");
    const auto number = image_jobs.refresh(origin(), "default");
    EXPECT_EQ(job(number).kind, JobKind::refresh);
    EXPECT_EQ(job(number).subject, ObjectRef(PoolRef{"test", "default"}));
    await_end(number);
    EXPECT_EQ(truth().refreshes(), 1);
    EXPECT_NE(storage().find_image("default", "web"), nullptr);
}

TEST_F(ImageJobsTest, FailWithWhatTheToolSays) {
    tool->fail(Error(Code::no_space, "the pool is full"));
    await_failure(create("web"), Code::no_space, "the pool is full");
    EXPECT_EQ(storage().find_image("default", "web"), nullptr);
    EXPECT_EQ(formats.find("/pools/default/web", 0), std::nullopt);
    expect_free("web");
    await_empty_journal();
    await_end(create("web"));
}

TEST_F(ImageJobsTest, DoNotBeginWhenTheHypervisorIsAway) {
    fake->close("End of file");
    await_state(ConnectionState::disconnected);
    await_failure(create("web"), Code::disconnected);
    EXPECT_THAT(tool->calls(), IsEmpty());
}

}  // namespace
}  // namespace virtbus::test
