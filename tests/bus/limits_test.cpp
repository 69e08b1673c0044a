// SPDX-License-Identifier: LGPL-2.1-or-later
// How much one user may have at a time on the system bus, and that others are served meanwhile.
#include "bus_fixture.h"
#include "played_polkit.h"

#include <iostream>
#include <map>

namespace virtbus::test {
namespace {

const std::string limits_exceeded = "org.freedesktop.DBus.Error.LimitsExceeded";

class LimitsTest : public BusTest {
protected:
    LimitsTest() : BusTest(PrivateBus::Policy::system) {}

    void SetUp() override {
        if (::geteuid() == 0) return;
        std::cerr << "\n*** LIMITS ARE NOT TESTED: only root can become somebody else ***\n\n";
        GTEST_SKIP() << "needs root";
    }

    const std::string interface = "org.virtbus1.Machine";
    const std::string hypervisor = "org.virtbus1.Hypervisor";
    PlayedPolkit polkit{bus.address()};
};

TEST_F(LimitsTest, OfCallsUnderWay) {
    limits.calls = 8;
    serve(bus::BusType::system);
    polkit.be_silent();
    constexpr int all = 1'000;
    const auto flood = begin_as(nobody_uid, web_path, interface, "Pause*" + std::to_string(all), "{}");
    for (int i = 0; i < all - 8; ++i) ASSERT_EQ(flood->line(), limits_exceeded) << i;
    EXPECT_LE(polkit.questions().size(), 8U) << "the rest is refused before anything is asked of anyone";
    EXPECT_EQ(as_nobody("/org/virtbus1", "org.virtbus1.Manager", "ListMachines", "{}"), limits_exceeded);

    const auto other = begin_as(daemon_uid, "/org/virtbus1", "org.virtbus1.Manager", "ListMachines", "{}");
    EXPECT_EQ(other->line(), "ok") << "another user is served";
    for (int i = 0; i < 20; ++i) client.machine(web_path)->State();
    polkit.say(true);
    for (int i = 0; i < 8; ++i) EXPECT_NE(flood->line(), limits_exceeded);
    EXPECT_EQ(as_nobody("/org/virtbus1", "org.virtbus1.Manager", "ListMachines", "{}"), "ok");
}

TEST_F(LimitsTest, OfCallsAreNotRoots) {
    limits.calls = 2;
    serve(bus::BusType::system);
    first->block(PortCall::pause);
    std::vector<std::shared_ptr<Reply>> replies;
    for (int i = 0; i < 10; ++i) replies.push_back(begin(web_path, "Pause", VariantMap()));
    client.flush();
    for (const auto& reply : replies) EXPECT_EQ(reply->count, 0) << reply->failure;
    first->release(PortCall::pause);
    for (const auto& reply : replies) EXPECT_TRUE(await(reply));
}

TEST_F(LimitsTest, OfRunningJobs) {
    limits.jobs = 1;
    serve(bus::BusType::system);
    polkit.say(true);
    first->block(PortCall::save);
    EXPECT_EQ(as_nobody(web_path, "org.virtbus1.VirtualMachine", "Save", "{}"), "ok");
    EXPECT_EQ(as_nobody(cache_path, interface, "Shutdown", "{}"), limits_exceeded);
    EXPECT_EQ(begin_as(daemon_uid, cache_path, interface, "Shutdown", "{}")->line(), "ok") << "it is another's";
    first->release(PortCall::save);
    ASSERT_TRUE(client.wait_until([&] { return client.count("JobEnded") == 2; }));
    EXPECT_EQ(as_nobody(database_path, interface, "Start", "{}"), "ok");
    EXPECT_EQ(as_nobody(database_path, interface, "Shutdown", "{}"), "ok") << "it has ended";
}

TEST_F(LimitsTest, OfOwnedMachines) {
    limits.machines = 2;
    serve(bus::BusType::system);
    polkit.say(true);
    const auto define = [&](uid_t uid, const std::string& name) {
        return begin_as(uid, first_path, hypervisor, "DefineXml", name, "{}")->line();
    };
    for (const auto* name : {"theirs", "theirs too", "and this"})
        EXPECT_EQ(define(0, name), "ok") << "root's any number";
    EXPECT_EQ(define(nobody_uid, "one"), "ok");
    EXPECT_EQ(define(nobody_uid, "two"), "ok");
    EXPECT_EQ(define(nobody_uid, "three"), limits_exceeded);
    EXPECT_EQ(as_nobody(database_path, interface, "Clone", "copy", "{}"), limits_exceeded);
    const std::string two = client.manager()->GetMachine("two", {});
    EXPECT_EQ(client.machine(two)->Owner(), nobody_uid);
    EXPECT_EQ(as_nobody(two, interface, "Delete", "{}"), "ok");
    EXPECT_EQ(define(nobody_uid, "four"), "ok") << "there is room again";
    EXPECT_EQ(define(daemon_uid, "five"), "ok") << "it is another's";
}

TEST_F(LimitsTest, OfMachinesHoldWhileTheyAreBeingMade) {
    limits.machines = 2;
    serve(bus::BusType::system);
    polkit.say(true);
    const auto flood = begin_as(nobody_uid, first_path, hypervisor, "DefineXml*20", "same", "{}");
    std::map<std::string, int> ends;
    for (int i = 0; i < 20; ++i) ++ends[flood->line()];
    EXPECT_LE(ends["ok"], 2);
    EXPECT_GE(ends["ok"], 1);
}

}  // namespace
}  // namespace virtbus::test
