// SPDX-License-Identifier: LGPL-2.1-or-later
// What a clone leaves behind whose daemon is killed: the next one finishes it or removes it.
#include "unit/machine_clone_fixture.h"

#include "base/clock.h"

namespace virtbus::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

/// What a daemon leaves behind that is killed.
struct Remains {
    std::string step;  ///< which it was about to do
    std::string journal;
    std::set<std::string> files;
    bool is_defined = false;
};

TEST_F(MachineCloneTest, WheneverTheDaemonEndsTheNextOneFinishesItOrRemovesIt) {
    put_second_disk();
    connect();
    std::vector<Remains> all;
    const auto take = [&](const std::string& step) {
        all.push_back({step, journal_text(), steps->files(), fake->calls(PortCall::define_copy) > 0});
    };
    steps->at_each_step(take);
    await_end(clone_machine(plan_of("copy")));
    ASSERT_EQ(all.size(), 4U);
    EXPECT_FALSE(all[1].is_defined);
    EXPECT_TRUE(all[2].is_defined);
    const auto last = all[3];
    all.push_back({"finished, but still in the journal", last.journal, steps->files(), true});
    all.push_back({"defined, as libvirt has not said yet", all[2].journal, all[2].files, true});
    all.push_back({"not defined yet", all[2].journal, all[2].files, false});

    for (const auto& remains : all) {
        const auto path = directory.path / "left.json";
        std::ofstream(path) << remains.journal;
        FakeStorage nowhere;
        const auto next = std::make_shared<StepTool>(std::make_shared<FakeTool>(nowhere));
        next->put(remains.files);
        JobJournal later(loop, path);
        const JobJournal::IsThere is_there = [&](MachineRef) -> Task<bool> { co_return remains.is_defined; };
        const JobJournal::RemovePublished never = [&](JobJournal::Entry entry) -> Task<> {
            ADD_FAILURE() << entry.name << " was not known to have its name: " << remains.step;
            co_return;
        };
        run(loop, later.recover({next, is_there, never}));
        const auto written = [&] { return StateFile(loop, path).read().value_or(""); };
        ASSERT_TRUE(turn_until(loop, [&] { return written() == "[]"; })) << remains.step << written();
        if (remains.is_defined)
            EXPECT_THAT(next->files(), ElementsAre("/pools/default/copy-vda.qcow2", "/pools/default/copy-vdb.raw"))
                << remains.step;
        else
            EXPECT_THAT(next->files(), IsEmpty()) << remains.step;
    }
}

/// The part of the journal that is about this file.
std::string entry_of(const std::string& journal, const std::string& name) {
    const auto at = journal.find("\"name\": \"" + name);
    return journal.substr(journal.rfind('{', at), journal.find('}', at) - journal.rfind('{', at));
}

TEST_F(MachineCloneTest, WhatHasItsNameIsWrittenDownBeforeTheMachineGoes) {
    put_second_disk();
    connect();
    steps->fail("publish 2", Error(Code::failed, "the disk has gone"));
    fake->block(PortCall::remove);
    const auto number = clone_machine(plan_of("copy"));
    await_hanging(PortCall::remove);
    const auto journal_now = journal_text();
    EXPECT_THAT(entry_of(journal_now, "copy-vda.qcow2"), HasSubstr("published"));
    EXPECT_THAT(entry_of(journal_now, "copy-vdb.raw"), Not(HasSubstr("published"))) << "another may have that name";
    fake->release(PortCall::remove);
    await_failure(number, Code::failed, "the disk has gone");
    expect_nothing_left();
}

TEST_F(MachineCloneTest, ADiskThatIsLeftWithoutItsMachineGoesAtTheNextStart) {
    put_second_disk();
    connect();
    steps->fail("publish 2", Error(Code::failed, "the disk has gone"));
    steps->at_each_step([&](const std::string& step) {
        if (step == "publish 2") truth().fail(Error(Code::failed, "libvirt does not answer"));
    });
    await_failure(clone_machine(plan_of("copy")), Code::failed, "the disk has gone");
    EXPECT_TRUE(turn_until(loop, [&] { return inventory().machines().size() == 1; })) << "the machine was taken back";
    EXPECT_TRUE(truth().image("default", "copy-vda.qcow2"));
    const auto line = run(loop, journal.begin({"another", "/pools/default", ".virtbus-9"}));  // all is written with it

    JobJournal later(loop, directory.path / "jobs.json");
    std::vector<std::string> removed;
    const JobJournal::IsThere nowhere = [](MachineRef) -> Task<bool> { co_return false; };
    const JobJournal::RemovePublished remove = [&](JobJournal::Entry entry) -> Task<> {
        removed.push_back(entry.directory + "/" + entry.name);
        co_return;
    };
    run(loop, later.recover({steps, nowhere, remove}));
    ASSERT_TRUE(turn_until(loop, [&] { return journal_text() == "[]"; })) << journal_text();
    EXPECT_THAT(removed, ElementsAre("/pools/default/copy-vda.qcow2"));
    EXPECT_THAT(steps->files(), ElementsAre("/pools/default/copy-vda.qcow2")) << "and no temporary file";
}

/// libvirt may have defined the copy though nobody heard of it.
class UnheardDefinitionTest : public MachineCloneTest {
protected:
    std::uint64_t clone_until_it_is_defined() {
        put_second_disk();
        connect();
        fake->block(PortCall::define_copy);
        const auto number = clone_machine(plan_of("copy"));
        await_hanging(PortCall::define_copy);
        copy = copy_in_journal();
        return number;
    }
    void add_copy() {
        auto machine = make_machine("copy", 9);
        machine.uuid = copy;
        fake->add(machine);
    }
    void expect_left() {
        another = run(loop, journal.begin({"another", "/pools/default", ".virtbus-9"}));  // all is written with it
        EXPECT_THAT(journal_text(), HasSubstr("copy-vda.qcow2"));
        EXPECT_THAT(journal_text(), HasSubstr("copy-vdb.raw"));
        EXPECT_THAT(tool->removed(), IsEmpty());
        EXPECT_EQ(steps->files().size(), 2U);
        EXPECT_EQ(fake->calls(PortCall::remove), 0U) << "it may be whole";
    }
    void expect_settled(bool finished) {
        ASSERT_TRUE(turn_until(loop, [&] { return journal_text().find("copy") == std::string::npos; }))
            << journal_text();
        if (finished)
            EXPECT_THAT(steps->files(), ElementsAre("/pools/default/copy-vda.qcow2", "/pools/default/copy-vdb.raw"));
        else
            EXPECT_THAT(steps->files(), IsEmpty());
        EXPECT_EQ(fake->machine(copy).has_value(), finished);
        EXPECT_EQ(fake->calls(PortCall::remove), 0U);
    }

    Uuid copy;
    std::unique_ptr<JobJournal::Line> another;
};

TEST_F(UnheardDefinitionTest, GoesWhenTheAnswerWasLateAndThereIsNoMachine) {
    const auto number = clone_until_it_is_defined();
    fake->fail(PortCall::define_copy, Error(Code::timeout, "it did not answer in time"));
    fake->release(PortCall::define_copy);
    await_failure(number, Code::timeout, "it did not answer in time");
    expect_left();
    expect_settled(false);
}

TEST_F(UnheardDefinitionTest, IsFinishedWhenItIsCarriedOutAMomentLater) {
    const auto number = clone_until_it_is_defined();
    fake->close("libvirtd has gone");
    reconnect();
    await_failure(number, Code::disconnected, "libvirtd has gone");
    await_quiet();  // it has been looked for
    add_copy();
    expect_settled(true);
}

/// With a copy that is there when libvirt answers again, and with one that is not.
class LostDefinitionTest : public UnheardDefinitionTest, public testing::WithParamInterface<bool> {};

TEST_P(LostDefinitionTest, IsFinishedOrGoesWhenThereIsAConnectionAgain) {
    const auto number = clone_until_it_is_defined();
    if (GetParam()) add_copy();
    fake->close("libvirtd has gone");
    await_failure(number, Code::disconnected, "libvirtd has gone");
    expect_left();
    reconnect();
    expect_settled(GetParam());
}

INSTANTIATE_TEST_SUITE_P(DefinedOrNot, LostDefinitionTest, testing::Bool());

class RemoveUntouchedTest : public MachineCloneTest {
protected:
    RemoveUntouchedTest() {
        put("copy.qcow2", [](Image& image) {
            image.stamp.inode = 7;
            image.stamp.changed = 5'000'000;  // 5 milliseconds
        });
    }
    void remove(std::uint64_t time) { run(loop, remove_untouched(hypervisor, "/pools/default", "copy.qcow2", time)); }
    /// When that was.
    std::uint64_t touch_now() {
        const auto now = now_usec();
        change("copy.qcow2", [&](Image& image) { image.stamp.changed = static_cast<std::int64_t>(now * 1'000); });
        return now;
    }
    bool is_there() { return truth().image("default", "copy.qcow2").has_value(); }
};

TEST_F(RemoveUntouchedTest, RemovesWhatNobodyHasTouched) {
    connect();
    remove(5'000);
    EXPECT_FALSE(is_there());
    remove(5'000);  // there is none
}

TEST_F(RemoveUntouchedTest, LeavesAnotherFileOfThatName) {
    connect();
    remove(4'999);
    EXPECT_TRUE(is_there());
}

TEST_F(RemoveUntouchedTest, LeavesAFileOfWhichNobodyKnowsHowOldItIs) {
    change("copy.qcow2", [](Image& image) { image.stamp = {}; });
    connect();
    remove(5'000);
    EXPECT_TRUE(is_there());
}

TEST_F(RemoveUntouchedTest, RemovesWhatWasMadeAMomentAgo) {
    const auto made = touch_now();
    connect();
    remove(made);
    EXPECT_FALSE(is_there()) << "the daemon was started again at once";
}

TEST_F(RemoveUntouchedTest, LeavesWhatSomebodyHasTouchedAMomentAgo) {
    const auto made = touch_now() - 1;
    connect();
    remove(made);
    EXPECT_TRUE(is_there());
}

TEST_F(RemoveUntouchedTest, WithAClockThatWasSetBackItIsLeftForLater) {
    connect();
    const auto outcome = outcome_of([&] { remove(now_usec() + 60'000'000); });
    EXPECT_TRUE(refuses(outcome, Code::failed, "the clock was set back")) << outcome;
    EXPECT_TRUE(is_there());
}

TEST_F(RemoveUntouchedTest, LeavesWhatAMachineHas) {
    put_machine("copy", 2, *truth().image("default", "copy.qcow2"));
    connect();
    remove(5'000);
    EXPECT_TRUE(is_there());
}

TEST_F(RemoveUntouchedTest, WithoutItsPoolItIsLeftForLater) {
    connect();
    const auto outcome =
        outcome_of([&] { run(loop, remove_untouched(hypervisor, "/elsewhere", "copy.qcow2", 5'000)); });
    EXPECT_TRUE(refuses(outcome, Code::no_such_pool, "there is no pool at /elsewhere")) << outcome;
}

}  // namespace
}  // namespace virtbus::test
