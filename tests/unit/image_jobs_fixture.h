// SPDX-License-Identifier: LGPL-2.1-or-later
// Jobs on the images of a fake hypervisor, done by a fake tool.
#pragma once

#include "model/image_jobs.h"
#include "model/image_rules.h"
#include "unit/storage_fixture.h"

#include <fcntl.h>

#include <fstream>

namespace virtbus::test {

class ImageJobsFixture : public StorageFixture {
protected:
    ~ImageJobsFixture() override { end_jobs(); }

    /// For the destructors: jobs go before what they work with.
    void end_jobs() {
        tool->release();
        fake->release_all();
        jobs.stop();
        EXPECT_TRUE(turn_until(loop, [&] { return jobs.running() == 0; }));
        settle(loop);
    }

    [[nodiscard]] JobOrigin origin() const { return {hypervisor, 1000}; }
    static NewImage new_image(const std::string& name) { return {"default", name, "qcow2", Preallocation::off}; }
    static ImageRef ref(const std::string& name, const std::string& pool = "default") { return {"test", pool, name}; }

    // As a caller of the bus begins them: on the image that the mirror has.
    std::uint64_t create(const std::string& name, std::uint64_t size = gib,
                         const std::optional<ImageRef>& backing = std::nullopt) {
        return image_jobs.create(origin(), new_image(name), size, backing);
    }
    std::uint64_t clone(const std::string& from, const std::string& name, bool linked = false) {
        return image_jobs.clone(origin(), mirrored_image(from), new_image(name), linked);
    }
    std::uint64_t convert(const std::string& name, const std::string& format = "raw") {
        return image_jobs.convert(origin(), mirrored_image(name), format, Preallocation::off);
    }
    std::uint64_t resize(const std::string& name, std::uint64_t size, bool shrink = false) {
        return image_jobs.resize(origin(), mirrored_image(name), size, shrink);
    }
    std::uint64_t flatten(const std::string& name) { return image_jobs.flatten(origin(), mirrored_image(name)); }
    std::uint64_t rebase(const std::string& name, const std::string& backing) {
        return image_jobs.rebase(origin(), mirrored_image(name), ref(backing));
    }
    std::uint64_t export_as(const std::string& name, const std::string& format = "") {
        auto target = std::make_shared<UniqueFd>(::open("/dev/null", O_WRONLY | O_CLOEXEC));
        return image_jobs.export_image(origin(), mirrored_image(name), std::move(target), format);
    }
    std::uint64_t wipe(const std::string& name) { return image_jobs.wipe(origin(), mirrored_image(name)); }
    std::uint64_t check(const std::string& name) { return image_jobs.check(origin(), mirrored_image(name)); }
    std::uint64_t remove(const std::string& name, bool force = false) {
        return image_jobs.remove(origin(), mirrored_image(name), force);
    }
    /// `plan.source` is a file of `bytes` bytes.
    std::uint64_t import_image(const std::string& name, ImportPlan plan = {}, std::size_t bytes = 1'000) {
        const auto path = directory.path / "source";
        std::ofstream(path) << std::string(bytes, 'x');
        plan.source = std::make_shared<UniqueFd>(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
        return image_jobs.import_image(origin(), new_image(name), plan);
    }

    const JobStatus& job(std::uint64_t number) { return *jobs.find(number); }
    void await_end(std::uint64_t number, JobState state = JobState::done) {
        ASSERT_TRUE(turn_until(loop, [&] { return job(number).state != JobState::running; }));
        EXPECT_EQ(job(number).state, state) << (job(number).error ? job(number).error->what() : "");
    }
    /// The job fails, with an error of this code whose text begins so.
    void await_failure(std::uint64_t number, Code code, const std::string& text = "") {
        await_end(number, JobState::failed);
        ASSERT_TRUE(job(number).error);
        EXPECT_EQ(job(number).error->code(), code) << job(number).error->what();
        EXPECT_THAT(job(number).error->what(), testing::StartsWith(text));
    }
    void await_tool(std::size_t hanging = 1) {
        ASSERT_TRUE(turn_until(loop, [&] { return tool->hanging() == hanging; })) << tool->hanging() << " hang";
    }
    /// Returns when the journal on disk has no job.
    void await_empty_journal() {
        ASSERT_TRUE(turn_until(loop, [&] { return journal_text() == "[]"; })) << journal_text();
    }
    std::string journal_text() { return StateFile(loop, directory.path / "jobs.json").read().value_or("[]"); }
    void expect_image_result(std::uint64_t number, const ImageRef& image) {
        const auto& result = job(number).result;
        ASSERT_TRUE(result.contains("image"));
        EXPECT_EQ(std::get<ObjectRef>(result.at("image")), ObjectRef(image));
    }
    /// Nobody works on it: somebody else could.
    void expect_free(const std::string& name) {
        const auto outcome = outcome_of([&] { jobs.claims().take("somebody", {ref(name)}); });
        EXPECT_FALSE(outcome.failed) << outcome;
    }

    template <typename Piece>
    static void expect_refused(Code code, Piece piece, const std::string& part = "") {
        const auto outcome = outcome_of(piece);
        EXPECT_TRUE(refuses(outcome, code)) << outcome;
        EXPECT_THAT(outcome.text, testing::HasSubstr(part));
    }

    static constexpr std::uint64_t gib = std::uint64_t{1} << 30;
    Jobs jobs{loop};
    JobJournal journal{loop, directory.path / "jobs.json"};
    std::shared_ptr<FakeTool> tool = std::make_shared<FakeTool>(fake->storage());
    ImageJobs image_jobs{jobs, journal, tool};
};

}  // namespace virtbus::test
