// SPDX-License-Identifier: LGPL-2.1-or-later
// Several jobs on images at once, jobs that are cancelled, and a hypervisor that goes away in between.
#include "unit/image_jobs_fixture.h"

namespace virtbus::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class ImageConcurrencyTest : public ImageJobsFixture {
protected:
    ImageConcurrencyTest() {
        put_overlay("overlay", base);
        put("other");
        connect();
    }

    /// All threads for such work are taken.
    void take_all_threads() {
        tool->block();
        for (int i = 0; i < 4; ++i) taken.push_back(create(fmt::format("taken-{}", i)));
        await_tool(4);
    }

    const Image base = put("base");
    std::vector<std::uint64_t> taken;
};

TEST_F(ImageConcurrencyTest, OneJobChangesAnImage) {
    tool->block();
    const auto number = wipe("other");
    const auto who = fmt::format("image default/other: job {} (wipe) is working on it", number);
    expect_refused(
        Code::in_use, [&] { convert("other"); }, who);
    expect_refused(
        Code::in_use, [&] { remove("other"); }, who);
    expect_refused(
        Code::in_use, [&] { resize("other", 2 * gib); }, who);
    expect_refused(
        Code::in_use, [&] { clone("other", "copy"); }, who);
    expect_refused(
        Code::in_use, [&] { create("top", 0, ref("other")); }, who);
    expect_refused(
        Code::in_use, [&] { export_as("other"); }, who);
    expect_refused(
        Code::in_use, [&] { check("other"); }, who);
}

TEST_F(ImageConcurrencyTest, ManyReadOneSource) {
    tool->block();
    std::vector<std::uint64_t> numbers;
    for (int i = 0; i < 20; ++i) numbers.push_back(clone("other", fmt::format("copy-{}", i)));
    numbers.push_back(check("other"));
    await_tool(4);
    expect_refused(
        Code::in_use, [&] { wipe("other"); }, "(clone)");
    tool->release();
    for (const auto number : numbers) await_end(number);
    EXPECT_EQ(storage().images("default").size(), 23U);
    expect_free("other");
}

TEST_F(ImageConcurrencyTest, OneNameIsMadeOnce) {
    tool->block();
    create("web");
    expect_refused(
        Code::in_use, [&] { create("web"); }, "image default/web");
    expect_refused(Code::in_use, [&] { clone("other", "web"); });
    expect_refused(Code::in_use, [&] { import_image("web"); });
}

TEST_F(ImageConcurrencyTest, WhatIsBelowIsReadMeanwhile) {
    tool->block();
    flatten("overlay");
    expect_refused(
        Code::in_use, [&] { jobs.claims().take("somebody", {ref("base")}); }, "(flatten)");
}

// When the job is done the image is based on it; until then nothing else keeps others from changing it.
TEST_F(ImageConcurrencyTest, TheNewBackingImageIsReadDuringARebase) {
    tool->block();
    rebase("overlay", "other");
    await_tool();
    expect_refused(
        Code::in_use, [&] { wipe("other"); }, "(rebase)");
    expect_refused(
        Code::in_use, [&] { remove("other"); }, "(rebase)");
}

TEST_F(ImageConcurrencyTest, CancelledWhileItWorksAJobLeavesEverythingAsItWas) {
    tool->block();
    const auto number = convert("other");
    await_tool();
    ASSERT_TRUE(turn_until(loop, [&] { return job(number).progress == 0.5; }));
    EXPECT_EQ(job(number).processed, 500U);
    EXPECT_EQ(job(number).total, 1'000U);
    EXPECT_TRUE(job(number).cancellable);
    jobs.cancel(number);
    await_end(number, JobState::cancelled);
    EXPECT_FALSE(job(number).result.contains("image"));
    EXPECT_EQ(mirrored_image("other").format, "qcow2");
    EXPECT_EQ(formats.find("/pools/default/other", 0), std::nullopt);
    expect_free("other");
    await_empty_journal();
}

TEST_F(ImageConcurrencyTest, CancelledWhileItWaitsForAThreadAJobNeverBegins) {
    take_all_threads();
    const auto calls = tool->calls().size();
    const auto number = wipe("other");
    ASSERT_TRUE(turn_until(loop, [&] { return journal_text().find("wipe") != std::string::npos; }));
    jobs.cancel(number);
    await_end(number, JobState::cancelled);
    EXPECT_EQ(tool->hanging(), 4U) << "without waiting for the others";
    expect_free("other");
    tool->release();
    for (const auto each : taken) await_end(each);
    EXPECT_EQ(tool->calls().size(), calls);
}

TEST_F(ImageConcurrencyTest, AJobWaitsForAThread) {
    take_all_threads();
    const auto number = create("web");
    jobs.cancel(taken[0]);
    await_end(taken[0], JobState::cancelled);
    ASSERT_TRUE(turn_until(loop, [&] { return tool->calls().back() == "create web"; }));
    tool->release();
    await_end(number);
}

// Else no pool of the hypervisor is read for as long as four long jobs run.
TEST_F(ImageConcurrencyTest, PoolsAreReadWhileJobsHaveAllThreads) {
    take_all_threads();
    put("web");
    const auto looked = begin(loop, storage().refreshed("default", true));
    EXPECT_TRUE(turn_until(loop, [&] { return looked->done; }));
    EXPECT_NE(storage().find_image("default", "web"), nullptr);
}

TEST_F(ImageConcurrencyTest, AnImageThatIsMadeShowsWhenTheHypervisorIsBack) {
    tool->block();
    const auto number = create("web");
    await_tool();
    fake->block(PortCall::connect);
    fake->close("End of file");
    await_state(ConnectionState::disconnected);
    tool->release();
    ASSERT_TRUE(turn_until(loop, [&] { return truth().image("default", "web").has_value(); }));
    await_quiet();
    EXPECT_EQ(job(number).state, JobState::running) << "it waits for libvirt";
    EXPECT_EQ(storage().find_image("default", "web"), nullptr);
    fake->release(PortCall::connect);
    hypervisor->reconnect();
    await_end(number);
    EXPECT_NE(storage().find_image("default", "web"), nullptr);
    EXPECT_EQ(formats.find("/pools/default/web", 0), "qcow2");
}

TEST_F(ImageConcurrencyTest, AnImageThatIsMadeShowsThoughLibvirtFailsToLookOnce) {
    tool->block();
    const auto number = create("web");
    await_tool();
    truth().fail(Error(Code::failed, "the directory does not answer"));
    tool->release();
    await_end(number);
    EXPECT_NE(storage().find_image("default", "web"), nullptr);
}

TEST_F(ImageConcurrencyTest, StoppingCancelsAllJobs) {
    tool->block();
    const auto first = create("web");
    const auto second = wipe("other");
    await_tool(2);
    jobs.stop();
    await_end(first, JobState::cancelled);
    await_end(second, JobState::cancelled);
}

}  // namespace
}  // namespace virtbus::test
