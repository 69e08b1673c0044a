// SPDX-License-Identifier: LGPL-2.1-or-later
// What a job has half made stands in the journal until the job ends; a daemon that was killed removes it later.
#include "model/job_journal.h"

#include "support/errors.h"
#include "support/fake_port.h"
#include "support/fake_storage.h"
#include "support/loop.h"
#include "support/temporary_directory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <utility>

namespace virtbus::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class JobJournalTest : public testing::Test {
protected:
    ~JobJournalTest() override {
        settle(loop);  // what is still to be written begins while there is a journal
        journal.reset();
        settle(loop);
    }

    std::unique_ptr<JobJournal::Line> begin_line(const std::string& temporary) {
        return run(loop, journal->begin({"1 (clone image default/web.qcow2)", "/pools/default", temporary}));
    }
    std::string text() { return StateFile(loop, file).read().value_or(""); }
    void await_text(const std::string& wanted) {
        ASSERT_TRUE(turn_until(loop, [&] { return text() == wanted; })) << text();
    }
    /// Another daemon finds what this one has left.
    void restart() {
        settle(loop);
        journal = std::make_unique<JobJournal>(loop, file);
    }
    void recover() { run(loop, journal->recover({tool, is_there, remove_published})); }

    asio::io_context loop;
    TemporaryDirectory directory;
    const std::filesystem::path file = directory.path / "jobs.json";
    FakeStorage storage;
    std::shared_ptr<FakeTool> tool = std::make_shared<FakeTool>(storage);
    std::unique_ptr<JobJournal> journal = std::make_unique<JobJournal>(loop, file);
    bool machine_exists = false;
    bool nobody_can_tell = false;  // the first time
    const JobJournal::IsThere is_there = [this](MachineRef) -> Task<bool> {
        if (std::exchange(nobody_can_tell, false)) throw Error(Code::disconnected, "the hypervisor is away");
        co_return machine_exists;
    };
    std::vector<std::string> removed_published;
    const JobJournal::RemovePublished remove_published = [this](JobJournal::Entry entry) -> Task<> {
        removed_published.push_back(entry.directory + "/" + entry.name);
        co_return;
    };
};

TEST_F(JobJournalTest, AJobStandsInItBeforeAnythingIsMade) {
    const auto line = begin_line(".virtbus-1");
    EXPECT_THAT(text(), HasSubstr(".virtbus-1"));
    EXPECT_THAT(text(), HasSubstr("/pools/default"));
}

TEST_F(JobJournalTest, AJobIsStruckWhenItEnds) {
    auto first = begin_line(".virtbus-1");
    auto second = begin_line(".virtbus-2");
    first.reset();
    ASSERT_TRUE(turn_until(loop, [&] { return text().find(".virtbus-1") == std::string::npos; }));
    EXPECT_THAT(text(), HasSubstr(".virtbus-2"));
    second.reset();
    await_text("[]");
}

TEST_F(JobJournalTest, AJobThatCannotBeStruckWhenItEndsIsStruckLater) {
    auto line = begin_line(".virtbus-1");
    const auto obstacle = directory.path / "jobs.json.new";
    std::filesystem::create_directory(obstacle);  // as on a full disk, nothing can be written
    line.reset();
    settle(loop);
    EXPECT_THROW(begin_line(".virtbus-2"), Error);
    EXPECT_THAT(text(), HasSubstr(".virtbus-1"));
    std::filesystem::remove(obstacle);
    await_text("[]");
}

TEST_F(JobJournalTest, WhatAnEarlierDaemonHasLeftIsRemovedAndStruck) {
    auto lines = std::make_unique<std::vector<std::unique_ptr<JobJournal::Line>>>();
    lines->push_back(begin_line(".virtbus-1"));
    lines->push_back(begin_line(".virtbus-2"));
    const auto left = text();
    lines.reset();
    await_text("[]");
    std::ofstream(file) << left;  // as if it had been killed
    restart();
    recover();
    EXPECT_THAT(tool->removed(), ElementsAre("/pools/default/.virtbus-1", "/pools/default/.virtbus-2"));
    await_text("[]");
    restart();
    recover();
    EXPECT_EQ(tool->removed().size(), 2U) << "once is enough";
}

TEST_F(JobJournalTest, WhatCannotBeRemovedStays) {
    std::ofstream(file) << R"([{"job": "1", "directory": "/a", "temporary": ".virtbus-1"},
                               {"job": "2", "directory": "/b", "temporary": ".virtbus-2"}])";
    restart();
    tool->never_remove_in("/a");
    recover();
    EXPECT_THAT(tool->removed(), ElementsAre("/b/.virtbus-2"));
    ASSERT_TRUE(turn_until(loop, [&] { return text().find("/b") == std::string::npos; }));
    EXPECT_THAT(text(), HasSubstr("/a"));
    restart();
    tool->never_remove_in("");
    recover();
    EXPECT_THAT(tool->removed(), ElementsAre("/b/.virtbus-2", "/a/.virtbus-1")) << "the next start tries again";
}

TEST_F(JobJournalTest, WhatCannotBeRemovedIsTriedAgain) {
    std::ofstream(file) << R"([{"job": "1", "directory": "/a", "temporary": ".virtbus-1"}])";
    restart();
    tool->fail_to_remove(Error(Code::failed, "it was killed"));
    recover();
    await_text("[]");
    EXPECT_THAT(tool->removed(), ElementsAre("/a/.virtbus-1"));

    auto line = begin_line(".virtbus-2");
    tool->fail_to_remove(Error(Code::failed, "it was killed"));
    run(loop, journal->clean_up(tool, *line, "/b", ".virtbus-2"));
    line.reset();
    EXPECT_THAT(text(), HasSubstr(".virtbus-2"));
    await_text("[]");
    EXPECT_THAT(tool->removed(), ElementsAre("/a/.virtbus-1", "/b/.virtbus-2"));
}

TEST_F(JobJournalTest, NewJobsStandBesideWhatIsLeft) {
    std::ofstream(file) << R"([{"job": "1", "directory": "/a", "temporary": ".virtbus-1"}])";
    restart();
    const auto recovered = begin(loop, journal->recover({tool, is_there, remove_published}));
    const auto line = begin_line(".virtbus-2");
    ASSERT_TRUE(turn_until(loop, [&] { return recovered->done; }));
    EXPECT_THAT(tool->removed(), ElementsAre("/a/.virtbus-1")) << "that of a job that runs is not touched";
    ASSERT_TRUE(turn_until(loop, [&] { return text().find("/a") == std::string::npos; }));
    EXPECT_THAT(text(), HasSubstr(".virtbus-2"));
}

TEST_F(JobJournalTest, TheDiskOfACopyIsRemovedUnlessItsMachineIsDefined) {
    const MachineRef copy{"qemu", make_uuid(7)};
    auto line = run(loop, journal->begin({"1 (clone web)", "/pools/default", ".virtbus-1", copy, "web.qcow2"}));
    line->keep();
    restart();
    recover();
    ASSERT_TRUE(turn_until(loop, [&] { return !tool->removed().empty(); }));
    EXPECT_THAT(tool->removed(), ElementsAre("/pools/default/.virtbus-1"));
    await_text("[]");
}

TEST_F(JobJournalTest, TheDiskOfACopyGetsItsNameIfItsMachineIsDefined) {
    const MachineRef copy{"qemu", make_uuid(7)};
    auto line = run(loop, journal->begin({"1 (clone web)", "/pools/default", ".virtbus-1", copy, "web.qcow2"}));
    line->keep();
    restart();
    machine_exists = true;
    recover();
    ASSERT_TRUE(turn_until(loop, [&] { return !tool->calls().empty(); }));
    EXPECT_THAT(tool->calls(), ElementsAre("publish web.qcow2"));
    EXPECT_THAT(tool->removed(), IsEmpty());
    await_text("[]");
}

TEST_F(JobJournalTest, WhetherTheMachineIsDefinedIsAskedUntilSomebodyCanTell) {
    const MachineRef copy{"qemu", make_uuid(7)};
    auto line = run(loop, journal->begin({"1 (clone web)", "/pools/default", ".virtbus-1", copy, "web.qcow2"}));
    nobody_can_tell = true;
    line->leave({tool, is_there, remove_published});
    await_text("[]");
    EXPECT_FALSE(nobody_can_tell);
    EXPECT_THAT(tool->removed(), ElementsAre("/pools/default/.virtbus-1"));
}

TEST_F(JobJournalTest, WhatHadItsNameAlreadyGoesWithItsMachine) {
    const MachineRef copy{"qemu", make_uuid(7)};
    auto named = run(loop, journal->begin({"1 (clone web)", "/pools/default", ".virtbus-1", copy, "web.qcow2"}));
    auto unnamed = run(loop, journal->begin({"1 (clone web)", "/pools/default", ".virtbus-2", copy, "data.raw"}));
    run(loop, named->note_published());
    EXPECT_THAT(text(), HasSubstr("published"));
    named->keep();
    unnamed->keep();
    restart();
    recover();
    await_text("[]");
    EXPECT_THAT(removed_published, ElementsAre("/pools/default/web.qcow2"));
}

TEST_F(JobJournalTest, WhatHadItsNameAlreadyStaysIfItsMachineIsStillThere) {
    const MachineRef copy{"qemu", make_uuid(7)};
    auto line = run(loop, journal->begin({"1 (clone web)", "/pools/default", ".virtbus-1", copy, "web.qcow2"}));
    run(loop, line->note_published());
    line->keep();
    restart();
    machine_exists = true;
    recover();
    await_text("[]");
    EXPECT_THAT(removed_published, IsEmpty());
}

TEST_F(JobJournalTest, ADamagedFileIsBegunAnew) {
    for (const auto* damaged : {"", "nonsense", "{}", "7", "null", "[7]", R"([{"job": 1}])", R"([{"job": "1"}])"}) {
        std::ofstream(file) << damaged;
        restart();
        recover();
        EXPECT_THAT(tool->removed(), IsEmpty()) << damaged;
        auto line = begin_line(".virtbus-1");
        EXPECT_THAT(text(), HasSubstr(".virtbus-1")) << damaged;
        line.reset();
        await_text("[]");
    }
}

TEST_F(JobJournalTest, AJobDoesNotBeginThatCannotBeWrittenDown) {
    std::ofstream(directory.path / "file") << "no directory";
    JobJournal unwritable(loop, directory.path / "file" / "jobs.json");
    const auto outcome = outcome_of([&] { run(loop, unwritable.begin({"1", "/a", ".virtbus-1"})); });
    EXPECT_TRUE(refuses(outcome, Code::failed, "Cannot write")) << outcome;
    settle(loop);
}

}  // namespace
}  // namespace virtbus::test
