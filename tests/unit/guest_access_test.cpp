// SPDX-License-Identifier: LGPL-2.1-or-later
// Machine-ids of machines that run: who is asked, the agent or nobody, and what is known when it has answered, or not.
#include "unit/identity_jobs_fixture.h"

#include <fmt/format.h>

namespace virtbus::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class GuestAccessTest : public IdentityJobsTest {
protected:
    GuestAccessTest() { say(web, two); }

    /// What the agent in a guest says.
    void say(const Uuid& uuid, const std::optional<MachineId>& id) {
        GuestIdentity identity;
        identity.state = id ? IdState::valid : IdState::empty;
        identity.dbus_state = DbusState::same;
        identity.id = id;
        identity.consistent = id.has_value();
        fake->set_guest_identity(uuid, identity);
    }
    void set_state(MachineState state, AgentState agent = AgentState::none) {
        edit(web, [&](Machine& machine) {
            machine.state = state;
            machine.agent = agent;
        });
    }
    void run_with_agent() {
        connect();
        set_state(MachineState::running, AgentState::connected);
    }
    bool is_reboot_required(std::uint64_t number) { return std::get<bool>(job(number).result.at("reboot-required")); }
    void await_agent(PortCall call) {
        ASSERT_TRUE(turn_until(loop, [&] { return fake->hanging(call) == 1; }));
    }

    const MachineId three = *MachineId::parse("33333333333333333333333333333333");
};

TEST_F(GuestAccessTest, ARefreshOfOneThatRunsAsksItsAgent) {
    run_with_agent();
    const auto number = refresh(web);
    await_end(number);
    EXPECT_EQ(known(web).id, two) << "the disk has another";
    EXPECT_EQ(known(web).source, IdentitySource::agent);
    EXPECT_FALSE(known(web).stale);
    EXPECT_EQ(guarantee(known(web)), Guarantee::claimed);
    EXPECT_THAT(guests->calls(), IsEmpty()) << "its disk is in use";
    EXPECT_TRUE(job(number).result.empty());
}

TEST_F(GuestAccessTest, WhatAnAgentSaidIsNeverVerified) {
    run_with_agent();
    await_end(refresh(web));
    set_state(MachineState::shut_off);
    EXPECT_EQ(known(web).source, IdentitySource::agent);
    EXPECT_EQ(guarantee(known(web)), Guarantee::claimed) << "it has run on since";
    await_end(audit());
    EXPECT_THAT(guests->calls(), ElementsAre("read " + web_disk));
    EXPECT_EQ(known(web).id, one);
    EXPECT_EQ(guarantee(known(web)), Guarantee::verified);
}

TEST_F(GuestAccessTest, WhatAnAgentSaidIsStaleWhenItsMachineStartsAgain) {
    run_with_agent();
    await_end(refresh(web));
    set_state(MachineState::shut_off);
    set_state(MachineState::running, AgentState::disconnected);
    EXPECT_TRUE(known(web).stale);
}

TEST_F(GuestAccessTest, AnIdIsAssignedByTheAgentAndWantsAReboot) {
    run_with_agent();
    const auto number = assign(web, three);
    await_end(number);
    EXPECT_EQ(fake->guest_identity(web).id, three);
    EXPECT_EQ(guests->id(web_disk), one) << "nobody touches the disk";
    EXPECT_EQ(known(web).id, three);
    EXPECT_EQ(known(web).source, IdentitySource::agent);
    EXPECT_EQ(guarantee(known(web)), Guarantee::claimed);
    EXPECT_EQ(fingerprint_of(number), fingerprint(three));
    EXPECT_TRUE(is_reboot_required(number));
    const auto again = regenerate(web);
    await_end(again);
    EXPECT_NE(fake->guest_identity(web).id, three);
    EXPECT_TRUE(is_reboot_required(again));
}

TEST_F(GuestAccessTest, OneThatIsOffWantsNone) {
    connect();
    const auto number = assign(web, three);
    await_end(number);
    EXPECT_FALSE(is_reboot_required(number));
    EXPECT_EQ(fake->calls(PortCall::change_guest_identity), 0U);
}

TEST_F(GuestAccessTest, ItIsChangedOnlyIfItIsStillTheOneExpected) {
    run_with_agent();
    IdentityPlan plan;
    plan.expected = fingerprint(one);
    await_failure(assign(web, three, plan), Code::stale_generation, "expected:");
    EXPECT_EQ(fake->guest_identity(web).id, two);
    plan.expected = fingerprint(two);
    await_end(assign(web, three, plan));
    EXPECT_EQ(fake->guest_identity(web).id, three);
}

TEST_F(GuestAccessTest, WithoutAnAgentBothWaysOutAreNamed) {
    connect();
    for (const auto agent : {AgentState::none, AgentState::disconnected}) {
        set_state(MachineState::running, agent);
        expect_refused(
            Code::invalid_state, [&] { refresh(web); }, "shut it down first, or ");
        expect_refused(
            Code::invalid_state, [&] { refresh(web); }, "install and start qemu-guest-agent in it");
        expect_no_change(web, Code::invalid_state, "machine web: it is running");
    }
    EXPECT_EQ(fake->calls(PortCall::read_guest_identity), 0U);
}

TEST_F(GuestAccessTest, AGuestThatIsHeldSaysNothing) {
    connect();
    for (const auto state : {MachineState::paused, MachineState::suspended, MachineState::shutting_down}) {
        set_state(state, AgentState::connected);
        expect_refused(
            Code::invalid_state, [&] { refresh(web); },
            fmt::format("it is {}; shut it down first, or ask again when it runs", to_string(state)));
    }
}

TEST_F(GuestAccessTest, OneThatRunsIsNotSealed) {
    run_with_agent();
    expect_refused(
        Code::invalid_state, [&] { seal(web); }, "it is running; shut it down first");
    identity_jobs.check(*hypervisor, *mirrored(web), three);
    EXPECT_EQ(fake->calls(PortCall::change_guest_identity), 0U);
}

TEST_F(GuestAccessTest, NeitherItsDisksNorTheirPlaceMatter) {
    put_machine("twin", 7, *truth().image("default", "web.qcow2"));
    run_with_agent();
    await_end(regenerate(web));
    edit(web, [](Machine& machine) { machine.disks.clear(); });
    await_end(regenerate(web));
}

TEST_F(GuestAccessTest, WhatIsWrongInTheGuestReachesTheCaller) {
    run_with_agent();
    await_end(refresh(web));
    const auto before = known(web);
    for (const auto code : {Code::agent_unresponsive, Code::unsupported_guest, Code::not_supported}) {
        fake->fail(PortCall::read_guest_identity, Error(code, "the agent of web: guest-file-open"));
        await_failure(refresh(web), code, "the agent of web");
        fake->fail(PortCall::change_guest_identity, Error(code, "the agent of web: guest-file-open"));
        await_failure(regenerate(web), code, "the agent of web");
    }
    EXPECT_EQ(known(web), before);
}

TEST_F(GuestAccessTest, TheMachineIsClaimedWhileItsAgentIsAsked) {
    run_with_agent();
    fake->block(PortCall::change_guest_identity);
    const auto number = assign(web, three);
    await_agent(PortCall::change_guest_identity);
    expect_refused(
        Code::machine_busy, [&] { refresh(web); }, "machine-id-assign");
    expect_refused(Code::duplicate_machine_id, [&] { identity_jobs.refuse_duplicate(three, {}); });
    expect_free("web.qcow2");
    fake->release(PortCall::change_guest_identity);
    await_end(number);
    await_end(refresh(web));
}

TEST_F(GuestAccessTest, SilentAgentsHoldUpNobodyElse) {
    run_with_agent();
    fake->block(Lane::agent);
    const auto number = refresh(web);
    await_agent(PortCall::read_guest_identity);
    run(loop, hypervisor->run(Lane::work, [this](Port& port) { port.pause(web); }));
    put_other("db", 2, one);
    read();
    fake->touch(database);
    run(loop, inventory().refreshed(database));
    await_end(refresh(database));  // on the lane for disks
    fake->release(Lane::agent);
    await_end(number);
}

TEST_F(GuestAccessTest, AnAuditAsksEveryAgentEachTime) {
    put_other("db", 2, two);
    run_with_agent();
    await_end(audit());
    EXPECT_EQ(identities.groups().size(), 1U) << "the one that runs and the one that does not have the same";
    say(web, three);
    const auto number = audit();
    await_end(number);
    EXPECT_EQ(known(web).id, three);
    EXPECT_THAT(groups_of(number, "groups"), IsEmpty());
    EXPECT_THAT(groups_of(number, "unread"), IsEmpty());
    EXPECT_EQ(fake->calls(PortCall::read_guest_identity), 2U);
    EXPECT_EQ(guests->calls().size(), 1U) << "the disk of the other is known";
    fake->fail(PortCall::read_guest_identity, Error(Code::agent_unresponsive, "no answer"));
    const auto third = audit();
    await_end(third);
    ASSERT_EQ(groups_of(third, "unread").size(), 1U);
    EXPECT_THAT(groups_of(third, "unread")[0].name, HasSubstr("no answer"));
}

}  // namespace
}  // namespace virtbus::test
