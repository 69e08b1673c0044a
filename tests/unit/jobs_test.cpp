// SPDX-License-Identifier: LGPL-2.1-or-later
// Jobs are numbered, few, one for each machine, can be cancelled, and stay readable for a while when they have ended.
#include "model/jobs.h"

#include "base/latch.h"
#include "support/errors.h"
#include "support/fake_port.h"
#include "support/loop.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>

namespace virtbus::test {
namespace {

using testing::ElementsAre;

class JobsRecorder final : public JobsObserver {
public:
    void job_added(const JobStatus& job) override { lines.push_back(fmt::format("added {}", job.number)); }
    void job_changed(const JobStatus& before, const JobStatus& after) override {
        EXPECT_EQ(before.number, after.number);
        lines.push_back(fmt::format("{} {} {}", after.number, to_string(after.state), after.progress));
    }
    void job_removed(const JobStatus& job) override { lines.push_back(fmt::format("removed {}", job.number)); }

    std::vector<std::string> lines;
};

class JobsTest : public testing::Test {
protected:
    JobsTest() { jobs.observe(&heard); }

    /// Begins a job on machine `machine` that ends when `end` is set, or with cancelled.
    std::uint64_t start_waiting(std::uint32_t machine) {
        return jobs.start(plan(JobKind::save, subject(machine), 1000), [this](JobControl& job) -> Task<> {
            job.on_cancel([this] { end.set(); });
            co_await end.wait();
            if (job.is_cancelled()) throw Error(Code::cancelled, "cancelled");
        });
    }
    std::uint64_t start_failing(const std::exception_ptr& failure) {
        return jobs.start(plan(JobKind::start, subject(1)), [failure](JobControl&) -> Task<> {
            std::rethrow_exception(failure);
            co_return;
        });
    }
    static MachineRef subject(std::uint32_t machine) { return {"test", make_uuid(machine)}; }
    static JobPlan plan(JobKind kind, const MachineRef& machine, std::uint32_t owner = 0) {
        return {kind, machine, owner, {machine}, {}};
    }
    JobState state(std::uint64_t number) { return jobs.find(number)->state; }

    asio::io_context loop;
    Latch end{loop.get_executor()};
    Jobs jobs{loop};
    JobsRecorder heard;
};

TEST_F(JobsTest, AJobSaysWhatItIs) {
    const auto number = start_waiting(7);
    const auto* job = jobs.find(number);
    ASSERT_NE(job, nullptr);
    EXPECT_EQ(job->number, number);
    EXPECT_EQ(job->kind, JobKind::save);
    EXPECT_EQ(job->subject, ObjectRef(subject(7)));
    EXPECT_EQ(job->owner, 1000U);
    EXPECT_EQ(job->state, JobState::running);
    EXPECT_GT(job->started, 0U);
    EXPECT_EQ(job->progress, -1);
    EXPECT_TRUE(job->cancellable);
    EXPECT_FALSE(job->error);
    EXPECT_EQ(jobs.running(), 1U);
}

TEST_F(JobsTest, AJobIsDoneWhenItsWorkReturns) {
    const auto number = start_waiting(1);
    settle(loop);
    EXPECT_EQ(state(number), JobState::running);
    end.set();
    settle(loop);
    EXPECT_EQ(state(number), JobState::done);
    EXPECT_EQ(jobs.find(number)->progress, 1);
    EXPECT_FALSE(jobs.find(number)->cancellable);
    EXPECT_EQ(jobs.running(), 0U);
    EXPECT_THAT(heard.lines, ElementsAre("added 1", "1 done 1"));
}

TEST_F(JobsTest, AFailedJobKeepsItsError) {
    const auto number = start_failing(std::make_exception_ptr(Error(Code::invalid_state, "it is off")));
    settle(loop);
    EXPECT_EQ(state(number), JobState::failed);
    ASSERT_TRUE(jobs.find(number)->error);
    EXPECT_EQ(jobs.find(number)->error->code(), Code::invalid_state);
    EXPECT_STREQ(jobs.find(number)->error->what(), "it is off");
}

TEST_F(JobsTest, WhateverElseTheWorkThrowsIsADefectAndFailsTheJob) {
    const auto number = start_failing(std::make_exception_ptr(std::runtime_error("oops")));
    settle(loop);
    EXPECT_EQ(state(number), JobState::failed);
    EXPECT_EQ(jobs.find(number)->error->code(), Code::internal);
    const auto odd = start_failing(std::make_exception_ptr(42));
    settle(loop);
    EXPECT_EQ(state(odd), JobState::failed);
}

TEST_F(JobsTest, ShowsItsProgress) {
    jobs.start(plan(JobKind::save, subject(1)), [](JobControl& job) -> Task<> {
        job.set_progress(25, 100, 9);
        job.set_progress(150, 100, 0);
        job.set_progress(10, 0, 0);
        job.set_result("outcome", std::string("fine"));
        co_return;
    });
    settle(loop);
    EXPECT_THAT(heard.lines, ElementsAre("added 1", "1 running 0.25", "1 running 1", "1 running -1", "1 done 1"));
    EXPECT_EQ(jobs.find(1)->result.at("outcome"), JobValue(std::string("fine")));
}

TEST_F(JobsTest, OnlyOneJobWorksOnAMachine) {
    const auto first = start_waiting(1);
    const auto refused = outcome_of([&] { start_waiting(1); });
    EXPECT_TRUE(refuses(refused, Code::machine_busy, fmt::format("machine {}: job {}", make_uuid(1).text(), first)))
        << refused;
    start_waiting(2);
    const MachineRef elsewhere{"other", make_uuid(1)};
    EXPECT_FALSE(outcome_of([&] {
                     jobs.start(plan(JobKind::save, elsewhere), [](JobControl&) -> Task<> { co_return; });
                 }).failed)
        << "the same UUID on another hypervisor is another machine";
    end.set();
    settle(loop);
    EXPECT_GT(start_waiting(1), first) << "when it has ended, the next may begin";
}

TEST_F(JobsTest, RefusesWithBusyWhenTooManyRun) {
    for (std::uint32_t i = 0; i < 64; ++i) start_waiting(i);
    const auto refused = outcome_of([&] { start_waiting(64); });
    EXPECT_TRUE(refuses(refused, Code::busy)) << refused;
    EXPECT_EQ(jobs.running(), 64U);
    end.set();
    settle(loop);
    EXPECT_EQ(jobs.running(), 0U);
    EXPECT_FALSE(outcome_of([&] { start_waiting(64); }).failed);
}

TEST_F(JobsTest, WhatOthersHaveBegunKeepsNobodyFromWorking) {
    const auto watch = [&](std::uint32_t machine) {
        jobs.start(plan(JobKind::backup, subject(machine), no_job_owner), [this](JobControl&) { return end.wait(); });
    };
    for (std::uint32_t i = 0; i < 64; ++i) watch(i);
    EXPECT_TRUE(refuses(outcome_of([&] { watch(64); }), Code::busy)) << "nor are more of them watched";
    for (std::uint32_t i = 64; i < 128; ++i) start_waiting(i);
    EXPECT_TRUE(refuses(outcome_of([&] { start_waiting(128); }), Code::busy));
    end.set();
    settle(loop);
    EXPECT_EQ(jobs.running(), 0U);
}

TEST_F(JobsTest, CancelIsHeardByTheWorkOnce) {
    int asked = 0;
    const auto number = jobs.start(plan(JobKind::save, subject(1)), [&](JobControl& job) -> Task<> {
        job.on_cancel([&] { ++asked; });
        co_await end.wait();
        if (job.is_cancelled()) throw Error(Code::cancelled, "cancelled");
    });
    settle(loop);
    jobs.cancel(number);
    jobs.cancel(number);
    EXPECT_EQ(asked, 1);
    EXPECT_EQ(state(number), JobState::running) << "asked is not ended";
    end.set();
    settle(loop);
    EXPECT_EQ(state(number), JobState::cancelled);
    EXPECT_FALSE(jobs.find(number)->error) << "it did not fail";
}

TEST_F(JobsTest, CancelIsHeardThoughTheWorkHasNotBegun) {
    const auto number = start_waiting(1);
    jobs.cancel(number);
    settle(loop);
    EXPECT_EQ(state(number), JobState::cancelled);
}

TEST_F(JobsTest, WorkThatEndsWellInSpiteOfACancelIsDone) {
    const auto number =
        jobs.start(plan(JobKind::save, subject(1)), [&](JobControl&) -> Task<> { co_await end.wait(); });
    settle(loop);
    jobs.cancel(number);
    end.set();
    settle(loop);
    EXPECT_EQ(state(number), JobState::done);
}

TEST_F(JobsTest, WhatTheWorkHeldIsLetGoWhenItEnds) {
    const auto held = std::make_shared<int>();
    const auto number = jobs.start(plan(JobKind::save, subject(1)), [held](JobControl& job) -> Task<> {
        job.on_cancel([held] {});
        co_return;
    });
    settle(loop);
    EXPECT_EQ(state(number), JobState::done);
    EXPECT_EQ(held.use_count(), 1);
}

TEST_F(JobsTest, WhatHasEndedOrNeverWasCannotBeCancelled) {
    const auto number = start_waiting(1);
    end.set();
    settle(loop);
    EXPECT_TRUE(refuses(outcome_of([&] { jobs.cancel(number); }), Code::invalid_state));
    EXPECT_TRUE(refuses(outcome_of([&] { jobs.cancel(4711); }), Code::invalid_state));
}

TEST_F(JobsTest, StopAsksAllToStop) {
    const auto first = start_waiting(1);
    const auto second = start_waiting(2);
    settle(loop);
    jobs.stop();
    settle(loop);
    EXPECT_EQ(state(first), JobState::cancelled);
    EXPECT_EQ(state(second), JobState::cancelled);
}

TEST_F(JobsTest, OldOnesAreForgottenButNeverOneThatRuns) {
    end.set();
    const auto first = start_waiting(1);
    settle(loop);
    end.reset();
    const auto running = start_waiting(2);
    for (int i = 0; i < 150; ++i) {
        start_failing(std::make_exception_ptr(Error(Code::failed, "x")));
        settle(loop);
    }
    EXPECT_EQ(jobs.find(first), nullptr);
    EXPECT_LE(jobs.list().size(), 101U);
    EXPECT_GE(jobs.list().size(), 100U);
    EXPECT_NE(jobs.find(running), nullptr);
    EXPECT_EQ(std::count(heard.lines.begin(), heard.lines.end(), "removed 1"), 1);
    const auto all = jobs.list();
    EXPECT_TRUE(std::is_sorted(all.begin(), all.end(), [](const auto& left, const auto& right) {
        return left.number < right.number;
    })) << "oldest first";
}

// A long job has a small number when it ends.
TEST_F(JobsTest, ThoseThatEndedFirstAreForgottenFirst) {
    const auto slow = start_waiting(2);
    for (int i = 0; i < 150; ++i) {
        start_failing(std::make_exception_ptr(Error(Code::failed, "x")));
        settle(loop);
    }
    end.set();
    settle(loop);
    ASSERT_NE(jobs.find(slow), nullptr) << "nobody has had the time to read how it ended";
    EXPECT_EQ(state(slow), JobState::done);
    EXPECT_EQ(jobs.list().size(), 100U);
}

TEST_F(JobsTest, NumbersAreNeverUsedAgain) {
    end.set();
    std::uint64_t last = 0;
    for (int i = 0; i < 150; ++i) {
        const auto number = start_waiting(1);
        EXPECT_EQ(number, last + 1);
        last = number;
        settle(loop);
    }
}

TEST_F(JobsTest, OfOneOwnerAreFew) {
    Jobs few(loop, 2);
    const auto begin = [&](std::uint32_t machine, std::uint32_t owner) {
        return few.start(plan(JobKind::save, subject(machine), owner), [this](JobControl&) { return end.wait(); });
    };
    begin(1, 1000);
    begin(2, 1000);
    EXPECT_TRUE(refuses(outcome_of([&] { begin(3, 1000); }), Code::limits_exceeded));
    EXPECT_EQ(begin(3, 1001), 3U) << "the refused one has no number";
    for (std::uint32_t machine = 4; machine < 10; ++machine) begin(machine, 0);
    EXPECT_EQ(few.running_of(1000), 2U);
    end.set();
    settle(loop);
    EXPECT_EQ(few.running_of(1000), 0U);
    begin(1, 1000);
    settle(loop);
}

}  // namespace
}  // namespace virtbus::test
