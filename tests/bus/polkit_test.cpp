// SPDX-License-Identifier: LGPL-2.1-or-later
// What polkit is asked on the system bus, and what becomes of its answers.
#include "bus_fixture.h"
#include "played_polkit.h"

#include <iostream>

namespace virtbus::test {
namespace {

using testing::Contains;
using testing::IsEmpty;
using testing::Pair;
using testing::SizeIs;

class PolkitTest : public BusTest {
protected:
    PolkitTest() : BusTest(PrivateBus::Policy::system) {
        first->edit(web, [](Machine& machine) {
            machine.owner = 1'000;
            machine.tags = {"front", "two words", "web"};
        });
    }

    void SetUp() override {
        if (::geteuid() != 0) {
            std::cerr << "\n*** POLKIT IS NOT TESTED: only root can become somebody else ***\n\n";
            GTEST_SKIP() << "needs root";
        }
        serve(bus::BusType::system);
    }

    std::string pause_as_nobody() { return as_nobody(web_path, interface, "Pause", "{}"); }
    std::unique_ptr<OtherProgram> begin_to_pause(uid_t uid = nobody_uid) {
        return begin_as(uid, web_path, interface, "Pause", "{}");
    }
    bool await_questions(std::size_t count) {
        return await_there([&] { return polkit.questions().size() == count; });
    }

    const std::string interface = "org.virtbus1.Machine";
    PlayedPolkit polkit{bus.address()};
};

TEST_F(PolkitTest, IsToldWhatTheCallIsAbout) {
    polkit.say(true);
    EXPECT_EQ(pause_as_nobody(), "ok");
    ASSERT_THAT(polkit.questions(), SizeIs(1));
    const auto question = polkit.questions().front();
    EXPECT_EQ(question.kind, "system-bus-name");
    EXPECT_TRUE(question.sender.starts_with(":1.")) << question.sender;
    EXPECT_EQ(question.action, "org.virtbus1.machine.control");
    const std::map<std::string, std::string> details{{"caller", "65534"}, {"hypervisor", "first"}, {"machine", "web"},
                                                     {"owner", "1000"},   {"tags", "front web"},   {"uuid", web.text()},
                                                     {"verb", "Pause"}};
    EXPECT_EQ(question.details, details) << "a tag with a blank would pass for two";
    EXPECT_EQ(question.flags, 0U) << "nobody is asked for a password unless the caller says so";
    EXPECT_EQ(client.machine(web_path)->State(), "paused");
}

TEST_F(PolkitTest, IsToldNoOwnerWhereThereIsNone) {
    as_nobody(database_path, interface, "Start", "{}");
    ASSERT_THAT(polkit.questions(), SizeIs(1));
    EXPECT_THAT(polkit.questions().front().details, testing::Not(Contains(testing::Key("owner"))));
}

TEST_F(PolkitTest, IsToldOfEachKindOfObject) {
    first->storage().add(make_pool("default"));
    first->storage().add(make_image("default", "disk"));
    first->touch_pool("default");
    ASSERT_TRUE(client.wait_until([&] { return client.manager()->ListImages({}).size() == 1; }));
    as_nobody(bus::pool_path("first", "default"), "org.virtbus1.Pool", "Stop", "{}");
    as_nobody(bus::image_path("first", "default", "disk"), "org.virtbus1.Image", "Wipe", "{}");
    as_nobody(web_path, "org.virtbus1.MachineId", "GetId");
    as_nobody("/org/virtbus1/machine_id", "org.virtbus1.HostMachineId", "LinkDbus", "{}");
    first->block(PortCall::save);
    const std::string job = client.machine(web_path)->Save({});
    as_nobody(job, "org.virtbus1.Job", "Cancel", "{}");
    const auto asked = polkit.questions();
    ASSERT_THAT(asked, SizeIs(5));
    EXPECT_THAT(asked[0].details, Contains(Pair("pool", "default")));
    EXPECT_THAT(asked[1].details, Contains(Pair("image", "disk")));
    EXPECT_THAT(asked[1].details, Contains(Pair("pool", "default")));
    EXPECT_THAT(asked[2].details, Contains(Pair("machine", "web")));
    EXPECT_EQ(asked[3].action, "org.virtbus1.host-machine-id.ensure");
    EXPECT_THAT(asked[4].details, Contains(Pair("owner", "0"))) << "who began the job";
    EXPECT_THAT(asked[4].details, Contains(Pair("uuid", web.text())));
}

TEST_F(PolkitTest, IsNotAskedAboutRootOrWhatEverybodySees) {
    client.machine(web_path)->Pause({});
    EXPECT_EQ(as_nobody("/org/virtbus1", "org.virtbus1.Manager", "ListMachines", "{}"), "ok");
    EXPECT_THAT(polkit.questions(), IsEmpty());
}

TEST_F(PolkitTest, SaysNo) {
    const auto before = first->calls();
    EXPECT_EQ(pause_as_nobody(), access_denied);
    EXPECT_EQ(first->calls(), before);
}

TEST_F(PolkitTest, MayWantAPassword) {
    polkit.say(false, true);
    EXPECT_EQ(pause_as_nobody(), "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired");
    EXPECT_EQ(polkit.questions().back().flags, 0U);
    polkit.say(true);
    EXPECT_EQ(as_nobody(web_path, interface, "Pause!", "{}"), "ok");
    EXPECT_EQ(polkit.questions().back().flags, 1U);
}

TEST_F(PolkitTest, IsNoYesWhenItFails) {
    const auto before = first->calls();
    for (const auto* error : {"org.freedesktop.PolicyKit1.Error.Failed", "org.freedesktop.DBus.Error.NoReply",
                              "org.freedesktop.DBus.Error.LimitsExceeded"}) {
        polkit.fail(error);
        EXPECT_EQ(pause_as_nobody(), access_denied) << error;
    }
    polkit.babble();
    EXPECT_EQ(pause_as_nobody(), access_denied);
    EXPECT_EQ(first->calls(), before);
}

TEST_F(PolkitTest, IsNotWaitedForWithoutEnd) {
    polkit.be_silent();
    EXPECT_EQ(pause_as_nobody(), access_denied);
    const auto id = polkit.questions().front().id;
    EXPECT_TRUE(await_there([&] { return polkit.cancelled() == std::vector{id}; }));
    polkit.say(true);  // too late
    client.flush();
    EXPECT_EQ(client.machine(web_path)->State(), "running");
}

TEST_F(PolkitTest, HearsThatTheCallerHasLeft) {
    polkit.be_silent();
    const auto caller = begin_to_pause();
    ASSERT_TRUE(await_questions(1));
    caller->kill();
    const auto id = polkit.questions().front().id;
    EXPECT_TRUE(await_there([&] { return polkit.cancelled() == std::vector{id}; }));
    polkit.say(true);
    client.flush();
    EXPECT_EQ(client.machine(web_path)->State(), "running");
    EXPECT_EQ(first->calls(PortCall::pause), 0U) << "nobody is there any more for whom it would be done";
}

TEST_F(PolkitTest, SaysYesToWhatTheMachineWasThen) {
    polkit.be_silent();
    const auto caller = begin_to_pause();
    ASSERT_TRUE(await_questions(1));
    first->edit(web, [](Machine& machine) { machine.owner = 2'000; });
    first->touch(web);
    ASSERT_TRUE(client.wait_until([&] { return client.machine(web_path)->Owner() == 2'000; }));
    polkit.say(true);
    EXPECT_EQ(caller->line(), access_denied);
    EXPECT_EQ(first->calls(PortCall::pause), 0U);
}

TEST_F(PolkitTest, SaysYesToAMachineThatIsGone) {
    polkit.be_silent();
    const auto caller = begin_to_pause();
    ASSERT_TRUE(await_questions(1));
    client.machine(database_path)->Delete({});  // another stays as it is
    first->erase(web);
    first->touch(web);
    ASSERT_TRUE(client.wait_for("InterfacesRemoved", web_path));
    polkit.say(true);
    EXPECT_EQ(caller->line(), "org.virtbus1.Error.NoSuchMachine");
}

TEST_F(PolkitTest, IsAskedLittleAtATimeForOneUser) {
    polkit.be_silent();
    const auto greedy = begin_as(nobody_uid, web_path, interface, "Pause*20", "{}");
    ASSERT_TRUE(await_questions(4));
    const auto modest = begin_to_pause(daemon_uid);
    ASSERT_TRUE(await_questions(5)) << "nobody else waits behind them";
    EXPECT_EQ(polkit.questions().back().details.at("caller"), "1");
    client.machine(database_path)->Start({});
    polkit.say(false);
    EXPECT_EQ(modest->line(), access_denied);
    for (int i = 0; i < 20; ++i) EXPECT_EQ(greedy->line(), access_denied);
    EXPECT_EQ(polkit.questions().size(), 21U);
}

}  // namespace
}  // namespace virtbus::test
