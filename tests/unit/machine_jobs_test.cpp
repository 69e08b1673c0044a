// SPDX-License-Identifier: LGPL-2.1-or-later
// What the long works on a machine do: shutting down with each way to end, saving and restoring with progress.
#include "model/machine_jobs.h"

#include "unit/hypervisor_fixture.h"

namespace virtbus::test {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

class MachineJobsTest : public HypervisorTest {
protected:
    MachineJobsTest() {
        fake->add(make_machine("web", 1, MachineState::running));
        connect();
    }
    ~MachineJobsTest() override {
        fake->release_all();
        jobs.stop();
        EXPECT_TRUE(turn_until(loop, [&] { return jobs.running() == 0; }));
    }

    std::uint64_t start(JobKind kind, Jobs::Work work) {
        const auto number =
            jobs.start({kind, MachineRef{"test", web}, 0, {MachineRef{"test", web}}, {}}, std::move(work));
        settle(loop);
        return number;
    }
    std::uint64_t shut_down(std::chrono::microseconds timeout = bound, OnTimeout on_timeout = OnTimeout::fail) {
        return start(JobKind::shutdown, shutdown_work(hypervisor, web, {GuestMode::automatic, timeout, on_timeout}));
    }
    std::uint64_t save() { return start(JobKind::save, save_work(hypervisor, web)); }

    /// Returns when the guest was asked to shut down, and the job waits for it.
    void await_asked() {
        ASSERT_TRUE(turn_until(loop, [&] { return fake->calls(PortCall::shutdown) == 1; }));
        await_quiet();
    }
    void await_end(std::uint64_t number, JobState state) {
        ASSERT_TRUE(turn_until(loop, [&] { return job(number).state != JobState::running; }));
        EXPECT_EQ(job(number).state, state) << (job(number).error ? job(number).error->what() : "");
    }
    const JobStatus& job(std::uint64_t number) { return *jobs.find(number); }
    std::string result(std::uint64_t number) {
        const auto& results = job(number).result;
        return results.contains("outcome") ? std::get<std::string>(results.at("outcome")) : "";
    }

    Jobs jobs{loop};
};

TEST_F(MachineJobsTest, ShutdownIsDoneWhenTheGuestIsOff) {
    const auto number = shut_down();
    await_end(number, JobState::done);
    EXPECT_EQ(result(number), "shut-off");
    EXPECT_EQ(mirrored(web)->state, MachineState::shut_off);
}

TEST_F(MachineJobsTest, AMachineNamesTheJobThatWorksOnIt) {
    fake->set_obedient(false);
    const auto number = shut_down();
    EXPECT_EQ(mirrored(web)->current_job, number);
    jobs.cancel(number);
    await_end(number, JobState::cancelled);
    EXPECT_EQ(mirrored(web)->current_job, 0U);
}

TEST_F(MachineJobsTest, ShutdownWaitsForAGuestThatTakesItsTime) {
    fake->set_obedient(false);
    const auto number = shut_down();
    await_asked();
    EXPECT_EQ(job(number).state, JobState::running);
    fake->edit(web, [](Machine& machine) { machine.state = MachineState::shut_off; });
    fake->happen(web, "stopped", "shutdown");
    await_end(number, JobState::done);
    EXPECT_EQ(result(number), "shut-off");
}

TEST_F(MachineJobsTest, ShutdownIsDoneWhenATransientMachineIsGone) {
    fake->set_obedient(false);
    const auto number = shut_down();
    await_asked();
    fake->erase(web);
    fake->happen(web, "stopped", "shutdown");
    await_end(number, JobState::done);
    EXPECT_EQ(result(number), "shut-off");
}

TEST_F(MachineJobsTest, ShutdownFailsWhenTheGuestDoesNotObeyInTime) {
    fake->set_obedient(false);
    const auto number = shut_down(50ms);
    await_end(number, JobState::failed);
    EXPECT_EQ(job(number).error->code(), Code::timeout);
    EXPECT_EQ(result(number), "");
    EXPECT_TRUE(is_active(fake->machine(web)->state));
}

TEST_F(MachineJobsTest, ShutdownCanEndWithPowerOff) {
    fake->set_obedient(false);
    const auto number = shut_down(50ms, OnTimeout::power_off);
    await_end(number, JobState::done);
    EXPECT_EQ(result(number), "powered-off");
    EXPECT_EQ(mirrored(web)->state, MachineState::shut_off);
}

TEST_F(MachineJobsTest, ShutdownCanLeaveTheMachineRunning) {
    fake->set_obedient(false);
    const auto number = shut_down(50ms, OnTimeout::leave);
    await_end(number, JobState::done);
    EXPECT_EQ(result(number), "still-running");
    EXPECT_EQ(fake->calls(PortCall::power_off), 0U);
}

TEST_F(MachineJobsTest, CancellingAShutdownOnlyStopsTheWaiting) {
    fake->set_obedient(false);
    const auto number = shut_down(bound, OnTimeout::power_off);
    await_asked();
    jobs.cancel(number);
    await_end(number, JobState::cancelled);
    EXPECT_EQ(result(number), "");
    EXPECT_EQ(fake->calls(PortCall::power_off), 0U);
    EXPECT_TRUE(is_active(fake->machine(web)->state));
}

TEST_F(MachineJobsTest, ShutdownFailsWithWhatTheHypervisorSays) {
    fake->fail(PortCall::shutdown, Error(Code::agent_unresponsive, "the agent does not answer"));
    const auto number = shut_down();
    await_end(number, JobState::failed);
    EXPECT_EQ(job(number).error->code(), Code::agent_unresponsive);
    EXPECT_EQ(mirrored(web)->current_job, 0U);
}

TEST_F(MachineJobsTest, ShutdownOutlastsALostConnection) {
    fake->set_obedient(false);
    const auto number = shut_down();
    await_asked();
    fake->close("End of file");
    await_state(ConnectionState::disconnected);
    EXPECT_EQ(job(number).state, JobState::running);
    fake->edit(web, [](Machine& machine) { machine.state = MachineState::shut_off; });
    reconnect();
    await_end(number, JobState::done);
}

TEST_F(MachineJobsTest, SaveShowsHowFarItIs) {
    fake->block(PortCall::save);
    fake->set_progress(JobProgress{50, 200, 7'000'000, {}});
    const auto number = save();
    ASSERT_TRUE(turn_until(loop, [&] { return job(number).progress == 0.25; }));
    EXPECT_EQ(job(number).processed, 50U);
    EXPECT_EQ(job(number).total, 200U);
    EXPECT_EQ(job(number).remaining, 7'000'000U);
    fake->release(PortCall::save);
    await_end(number, JobState::done);
    EXPECT_EQ(job(number).progress, 1);
    EXPECT_TRUE(mirrored(web)->saved) << "what it did shows when it is done";
    EXPECT_EQ(mirrored(web)->current_job, 0U);
}

TEST_F(MachineJobsTest, SaveGoesOnWhenItsProgressCannotBeTold) {
    fake->block(PortCall::save);
    fake->fail(PortCall::job_progress, Error(Code::failed, "no statistics"), -1);
    const auto number = save();
    ASSERT_TRUE(turn_until(loop, [&] { return fake->calls(PortCall::job_progress) >= 1; }));
    await_hanging(PortCall::save);
    EXPECT_EQ(job(number).progress, -1);
    fake->release(PortCall::save);
    await_end(number, JobState::done);
}

// An emulator that hangs answers nothing that libvirt asks it.
TEST_F(MachineJobsTest, AMachineIsPoweredOffWhileNobodyTellsHowFarTheJobsOfOthersAre) {
    fake->add(make_machine("db", 2, MachineState::running));
    fake->touch(database);
    await_line("added db");
    fake->block(PortCall::save);
    fake->block(PortCall::job_progress);
    save();
    jobs.start({JobKind::save, MachineRef{"test", database}, 0, {}, {}}, save_work(hypervisor, database));
    await_hanging(PortCall::job_progress, 2);
    const auto off =
        begin(loop, hypervisor->run(Lane::control, [uuid = web](Port& port) { port.power_off(uuid, false); }));
    EXPECT_TRUE(turn_until(loop, [&] { return off->done; }));
}

TEST_F(MachineJobsTest, ASaveWhoseProgressNobodyTellsIsDoneAllTheSame) {
    fake->block(PortCall::save);
    fake->block(PortCall::job_progress);
    const auto number = save();
    await_hanging(PortCall::job_progress);
    fake->release(PortCall::save);
    await_end(number, JobState::done);
    EXPECT_EQ(fake->calls(PortCall::job_progress), 1U) << "each costs a thread";
}

TEST_F(MachineJobsTest, CancellingASaveLetsTheMachineRunOn) {
    fake->block(PortCall::save);
    const auto number = save();
    await_hanging(PortCall::save);
    jobs.cancel(number);
    await_end(number, JobState::cancelled);
    EXPECT_EQ(fake->calls(PortCall::abort_job), 1U);
    EXPECT_TRUE(is_active(fake->machine(web)->state));
    EXPECT_FALSE(job(number).error);
}

TEST_F(MachineJobsTest, ACancelledSaveThatGoesOnIsNotAbortedTwiceAtATime) {
    fake->block(PortCall::save);
    fake->block(PortCall::abort_job);
    const auto number = save();
    await_hanging(PortCall::save);
    jobs.cancel(number);
    await_hanging(PortCall::abort_job);
    EXPECT_FALSE(turn_until(
        loop, [&] { return fake->hanging(PortCall::abort_job) > 1; }, 1'500ms));
    EXPECT_FALSE(call(Lane::control).failed) << "others are powered off";
}

TEST_F(MachineJobsTest, CancellingASaveThatStillWaitsForAThreadMeansThatItNeverBegins) {
    fake->block(PortCall::set_title);
    for (int i = 0; i < 4; ++i)
        begin(loop, hypervisor->run(Lane::work, [uuid = web](Port& port) { port.set_title(uuid, "x"); }));
    await_hanging(PortCall::set_title, 4);
    const auto number = save();
    EXPECT_EQ(fake->calls(PortCall::save), 0U);
    jobs.cancel(number);
    settle(loop);
    fake->release(PortCall::set_title);
    await_end(number, JobState::cancelled);
    EXPECT_TRUE(is_active(fake->machine(web)->state));
}

TEST_F(MachineJobsTest, SaveFailsWithWhatTheHypervisorSays) {
    fake->fail(PortCall::save, Error(Code::failed, "no space left"));
    const auto number = save();
    await_end(number, JobState::failed);
    EXPECT_STREQ(job(number).error->what(), "no space left");
}

TEST_F(MachineJobsTest, SaveFailsWhenTheConnectionIsLost) {
    fake->block(PortCall::save);
    const auto number = save();
    await_hanging(PortCall::save);
    fake->close("End of file");
    await_end(number, JobState::failed);
    EXPECT_EQ(job(number).error->code(), Code::disconnected);
}

TEST_F(MachineJobsTest, RestoringStartsWhatWasSaved) {
    await_end(save(), JobState::done);
    const auto number = start(JobKind::start, restore_work(hypervisor, web, {}));
    await_end(number, JobState::done);
    EXPECT_EQ(mirrored(web)->state, MachineState::running);
    EXPECT_EQ(mirrored(web)->state_reason, "restored");
    EXPECT_FALSE(mirrored(web)->saved);
}

}  // namespace
}  // namespace virtbus::test
