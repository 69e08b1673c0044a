// SPDX-License-Identifier: LGPL-2.1-or-later
// What takes its time is a Job on the bus: begun, followed, cancelled, ended, and readable afterwards.
#include "bus_fixture.h"

#include <unistd.h>

namespace virtbus::test {
namespace {

using testing::ElementsAre;
using testing::Key;

class BusJobsTest : public BusTest {
protected:
    /// Begins to save, and returns when the hypervisor is at it.
    std::string save() {
        first->block(PortCall::save);
        const std::string job = client.machine(web_path)->Save({});
        EXPECT_TRUE(await_there([&] { return first->hanging(PortCall::save) == 1; }));
        return job;
    }
    void await_state(const std::string& job, const std::string& state) {
        ASSERT_TRUE(client.wait_until([&] { return client.job(job)->State() != "running"; }));
        EXPECT_EQ(client.job(job)->State(), state);
    }
};

TEST_F(BusJobsTest, SaveIsAJobThatSaysWhatItDoes) {
    serve();
    const auto path = save();
    EXPECT_EQ(path, "/org/virtbus1/job/1");
    const auto job = client.job(path);
    EXPECT_EQ(job->Kind(), "save");
    EXPECT_EQ(job->Subject(), web_path);
    EXPECT_EQ(job->Owner(), ::geteuid());
    EXPECT_EQ(job->State(), "running");
    EXPECT_EQ(job->Progress(), -1);
    EXPECT_TRUE(job->Cancellable());
    EXPECT_EQ(client.manager()->JobCount(), 1U);
    EXPECT_EQ(client.machine(web_path)->CurrentJob(), path);
    EXPECT_THAT(client.manager()->GetManagedObjects(), testing::Contains(Key(path)));
    const auto jobs = client.manager()->ListJobs();
    ASSERT_EQ(jobs.size(), 1U);
    EXPECT_EQ(jobs[0].get<0>(), path);
    EXPECT_EQ(jobs[0].get<1>(), "save");
    EXPECT_EQ(jobs[0].get<2>(), web_path);
}

TEST_F(BusJobsTest, WhoStartsAMachineThatRunsIsToldSoWhateverWorksOnIt) {
    serve();
    save();
    const auto failure = failure_of([&] { client.machine(web_path)->Start({}); });
    EXPECT_EQ(failure.name, "org.virtbus1.Error.InvalidState") << failure;
}

TEST_F(BusJobsTest, TellsItsProgressAndItsEnd) {
    serve();
    first->set_progress(JobProgress{1, 4, 5, {}});
    const auto path = save();
    ASSERT_TRUE(client.wait_until([&] { return client.job(path)->Progress() == 0.25; }));
    client.flush();
    const auto* progress = client.find("PropertiesChanged", path);
    ASSERT_NE(progress, nullptr);
    EXPECT_THAT(progress->changed_names(), ElementsAre("Processed", "Progress", "RemainingUSec", "Total"));
    first->release(PortCall::save);
    ASSERT_TRUE(client.wait_for("JobEnded", path));
    EXPECT_THAT(client.find("JobEnded", path)->words, ElementsAre("done"));
    EXPECT_NE(client.find("InterfacesAdded", path), nullptr);
    EXPECT_NE(client.find("JobAdded", path), nullptr);
    const auto job = client.job(path);
    EXPECT_EQ(job->State(), "done");
    EXPECT_EQ(job->Progress(), 1);
    EXPECT_FALSE(job->Cancellable());
    EXPECT_EQ(client.machine(web_path)->State(), "shut-off") << "what it did shows when it has ended";
    EXPECT_TRUE(client.machine(web_path)->Saved());
    EXPECT_EQ(client.machine(web_path)->CurrentJob(), "/");
    EXPECT_EQ(client.manager()->JobCount(), 0U);
    EXPECT_EQ(client.manager()->ListJobs().size(), 1U) << "it stays readable";
}

TEST_F(BusJobsTest, TheMachineIsFreeAgainWhenJobEndedIsTold) {
    serve();
    for (int i = 0; i < 20; ++i) {
        client.signals.clear();
        const std::string path = client.machine(web_path)->Save({});
        ASSERT_TRUE(client.wait_for("JobEnded", path));
        const auto restored = failure_of([&] {
            const std::string restore = client.machine(web_path)->Start({});
            EXPECT_NE(restore, "/") << "it was saved, so it is restored";
            EXPECT_TRUE(client.wait_for("JobEnded", restore));
        });
        ASSERT_EQ(restored.name, "") << restored;
    }
}

TEST_F(BusJobsTest, CanBeCancelled) {
    serve();
    const auto path = save();
    client.job(path)->Cancel({});
    ASSERT_TRUE(client.wait_for("JobEnded", path));
    EXPECT_THAT(client.find("JobEnded", path)->words, ElementsAre("cancelled"));
    EXPECT_EQ(client.machine(web_path)->State(), "running");
    const auto again = failure_of([&] { client.job(path)->Cancel({}); });
    EXPECT_EQ(again.name, "org.virtbus1.Error.InvalidState") << again;
    EXPECT_EQ(failure_of([&] {
                  client.job(path)->Cancel({{"hard", sdbus::Variant(true)}});
              }).name,
              "org.freedesktop.DBus.Error.InvalidArgs");
}

TEST_F(BusJobsTest, SaysWhyItFailed) {
    serve();
    first->fail(PortCall::save, Error(Code::failed, "no space left"));
    const std::string path = client.machine(web_path)->Save({});
    await_state(path, "failed");
    const auto error = client.job(path)->Error();
    EXPECT_EQ(error.get<0>(), "org.virtbus1.Error.Failed");
    EXPECT_EQ(error.get<1>(), "no space left");
}

TEST_F(BusJobsTest, OneWorksOnAMachineAtATime) {
    serve();
    save();
    const auto second_save = failure_of([&] { client.machine(web_path)->Save({}); });
    EXPECT_EQ(second_save.name, "org.virtbus1.Error.MachineBusy") << second_save;
    EXPECT_EQ(failure_of([&] { client.machine(web_path)->Shutdown({}); }).name, "org.virtbus1.Error.MachineBusy");
}

TEST_F(BusJobsTest, ShutdownGivesItsOutcome) {
    serve();
    const std::string path = client.machine(web_path)->Shutdown({});
    await_state(path, "done");
    EXPECT_EQ(client.job(path)->Result().at("outcome").get<std::string>(), "shut-off");
    EXPECT_EQ(client.machine(web_path)->State(), "shut-off");
}

TEST_F(BusJobsTest, ShutdownOfADeafGuestEndsAsItWasTold) {
    first->set_obedient(false);
    second->set_obedient(false);
    serve();
    const VariantMap soon{{"timeout_usec", sdbus::Variant(std::uint64_t{1'000'000})}};
    auto forced = soon;
    forced["on_timeout"] = sdbus::Variant("poweroff");
    const std::string fails = client.machine(web_path)->Shutdown(soon);
    const std::string forces = client.machine(cache_path)->Shutdown(forced);
    await_state(fails, "failed");
    EXPECT_EQ(client.job(fails)->Error().get<0>(), "org.virtbus1.Error.Timeout");
    EXPECT_EQ(client.machine(web_path)->State(), "running");
    await_state(forces, "done");
    EXPECT_EQ(client.job(forces)->Result().at("outcome").get<std::string>(), "powered-off");
    EXPECT_EQ(client.machine(cache_path)->State(), "shut-off");
}

TEST_F(BusJobsTest, AreRefusedWhereTheyMakeNoSense) {
    serve();
    EXPECT_EQ(failure_of([&] { client.machine(database_path)->Shutdown({}); }).name, "org.virtbus1.Error.InvalidState");
    EXPECT_EQ(failure_of([&] { client.machine(database_path)->Save({}); }).name, "org.virtbus1.Error.InvalidState");
    first->edit(web, [](Machine& machine) { machine.persistent = false; });
    first->touch(web);
    ASSERT_TRUE(client.wait_for("PropertiesChanged", web_path));
    EXPECT_EQ(failure_of([&] { client.machine(web_path)->Save({}); }).name, "org.virtbus1.Error.InvalidState");
    EXPECT_TRUE(client.manager()->ListJobs().empty());
}

TEST_F(BusJobsTest, GoesOnWhenItsCallerLeaves) {
    serve();
    first->block(PortCall::save);
    std::string path;
    {
        Client other(bus.address());
        path = other.machine(web_path)->Save({});
    }
    first->release(PortCall::save);
    await_state(path, "done");
}

TEST_F(BusJobsTest, OnlyTheLastHundredThatHaveEndedStay) {
    serve();
    first->fail(PortCall::save, Error(Code::failed, "x"), -1);
    for (int i = 0; i < 105; ++i) {
        const std::string path = client.machine(web_path)->Save({});
        ASSERT_TRUE(client.wait_for("JobEnded", path));
    }
    client.flush();
    EXPECT_EQ(client.manager()->ListJobs().size(), 100U);
    EXPECT_NE(client.find("InterfacesRemoved", "/org/virtbus1/job/1"), nullptr);
    EXPECT_EQ(failure_of([&] { client.job("/org/virtbus1/job/1")->State(); }).name,
              "org.freedesktop.DBus.Error.UnknownObject");
    EXPECT_EQ(client.job("/org/virtbus1/job/105")->State(), "failed");
}

}  // namespace
}  // namespace virtbus::test
