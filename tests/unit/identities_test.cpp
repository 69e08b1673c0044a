// SPDX-License-Identifier: LGPL-2.1-or-later
// What is known of machine-ids: kept over a restart, forgotten with its machine, stale when the guest runs, and told
// when several have the same.
#include "unit/identities_fixture.h"

namespace virtbus::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST_F(IdentitiesTest, KnowNothingOfAMachineThatNobodyHasLookedAt) {
    begin_daemon();
    EXPECT_EQ(find(web), Identity());
    EXPECT_EQ(guarantee(find(web)), Guarantee::none);
    EXPECT_EQ(fingerprint(find(web)), "");
    EXPECT_THAT(identities->duplicates(ref(web)), IsEmpty());
    EXPECT_THAT(identities->groups(), IsEmpty());
    EXPECT_EQ(heard_ids->changes, 0);
}

TEST_F(IdentitiesTest, WhatIsLearntIsTold) {
    begin_daemon();
    identities->set(ref(web), on_disk(one));
    EXPECT_EQ(find(web), on_disk(one));
    EXPECT_EQ(heard_ids->identities.at(ref(web)), on_disk(one));
    EXPECT_EQ(guarantee(find(web)), Guarantee::verified);
    EXPECT_THAT(identities->with(one), ElementsAre(ref(web)));
    EXPECT_EQ(heard_ids->changes, 1);
    identities->set(ref(web), on_disk(one));
    EXPECT_EQ(heard_ids->changes, 1) << "nothing is said when nothing has changed";
    identities->set(ref(web), on_disk(other));
    EXPECT_THAT(identities->with(one), IsEmpty());
    EXPECT_THAT(identities->with(other), ElementsAre(ref(web)));
}

TEST_F(IdentitiesTest, WhatIsLearntIsKeptOverARestart) {
    begin_daemon();
    auto sealed = on_disk(one);
    sealed.id.reset();
    sealed.state = IdState::uninitialized;
    sealed.dbus_state = DbusState::missing;
    sealed.source = IdentitySource::assigned;
    sealed.consistent = false;
    identities->set(ref(web), on_disk(one));
    identities->set(ref(database), sealed);
    await_written(database.text());
    ASSERT_NO_FATAL_FAILURE(restart());
    EXPECT_EQ(find(web), on_disk(one));
    EXPECT_EQ(find(database), sealed);
    EXPECT_THAT(identities->with(one), ElementsAre(ref(web)));
}

TEST_F(IdentitiesTest, TheFileIsForNobodyElse) {
    begin_daemon();
    identities->set(ref(web), on_disk(one));
    await_written(one.text());
    struct ::stat found {};
    ASSERT_EQ(::stat(file.c_str(), &found), 0);
    EXPECT_EQ(found.st_mode & 07777U, 0600U);
    ASSERT_EQ(::stat(file.parent_path().c_str(), &found), 0);
    EXPECT_EQ(found.st_mode & 07777U, 0700U) << "it was made for it";
}

TEST_F(IdentitiesTest, ManyChangesAreWrittenTogether) {
    for (std::uint32_t i = 0; i < 2'000; ++i) fake->add(make_machine(fmt::format("machine-{}", i), 100 + i));
    begin_daemon();
    for (std::uint32_t i = 0; i < 2'000; ++i) {
        const auto uuid = make_uuid(100 + i);
        identities->set(MachineRef{"test", uuid}, on_disk(MachineId(uuid)));
    }
    await_written(make_uuid(2'099).text());
}

TEST_F(IdentitiesTest, ADamagedFileIsBegunAnew) {
    std::filesystem::create_directories(file.parent_path());
    begin_daemon();
    for (const auto* damaged : {"", "nonsense", "{}", "7", "null", "[7]", R"({"a": 1})", R"([{"machine": 1}])",
                                R"([{"machine": "x"}])", "[[[[", "\xff\xfe"}) {
        std::ofstream(file) << damaged;
        ASSERT_NO_FATAL_FAILURE(restart()) << damaged;
        EXPECT_EQ(find(web), Identity()) << damaged;
        identities->set(ref(web), on_disk(one));
        await_written(one.text());
    }
}

TEST_F(IdentitiesTest, AnEntryWithWordsOfALaterVersionIsLeftOut) {
    begin_daemon();
    identities->set(ref(web), on_disk(one));
    identities->set(ref(database), on_disk(other));
    await_written(other.text());
    auto changed = text();
    const std::string word = "\"disk\"";
    changed.replace(changed.find(word), word.size(), "\"telepathy\"");  // that of web, which is the first
    forget_daemon();
    std::ofstream(file) << changed;
    ASSERT_NO_FATAL_FAILURE(restart());
    EXPECT_EQ(find(web), Identity());
    EXPECT_EQ(find(database), on_disk(other));
}

TEST_F(IdentitiesTest, AGuestThatStartsMakesItStale) {
    begin_daemon();
    identities->set(ref(web), on_disk(one));
    edit(web, [](Machine& machine) { machine.state = MachineState::running; });
    EXPECT_TRUE(find(web).stale);
    EXPECT_EQ(find(web).id, one) << "as far as is known";
    EXPECT_EQ(guarantee(find(web)), Guarantee::claimed);
    EXPECT_TRUE(heard_ids->identities.at(ref(web)).stale);
    edit(web, [](Machine& machine) { machine.state = MachineState::shut_off; });
    EXPECT_TRUE(find(web).stale) << "it has run";
    await_written("\"stale\": true");
    ASSERT_NO_FATAL_FAILURE(restart());
    EXPECT_TRUE(find(web).stale);
    identities->set(ref(web), on_disk(one));
    EXPECT_FALSE(find(web).stale) << "somebody has looked again";
}

TEST_F(IdentitiesTest, AStartThatIsOverWhenTheMachineIsReadMakesItStale) {
    begin_daemon();
    identities->set(ref(web), on_disk(one));
    fake->happen(web, "started", "booted");
    fake->happen(web, "stopped", "shutdown");
    run(loop, inventory().refreshed(web));
    settle(loop);
    EXPECT_TRUE(find(web).stale);
}

TEST_F(IdentitiesTest, OtherEventsDoNotMakeItStale) {
    begin_daemon();
    identities->set(ref(web), on_disk(one));
    fake->happen(web, "defined", "updated");
    run(loop, inventory().refreshed(web));
    edit(web, [](Machine& machine) { machine.title = "another"; });
    EXPECT_FALSE(find(web).stale);
}

TEST_F(IdentitiesTest, AMachineThatRunsWhenTheDaemonBeginsIsStale) {
    begin_daemon();
    identities->set(ref(web), on_disk(one));
    await_written(one.text());
    fake->set_tells(false);
    forget_daemon();
    fake->edit(web, [](Machine& machine) { machine.state = MachineState::running; });
    ASSERT_NO_FATAL_FAILURE(restart());
    EXPECT_TRUE(find(web).stale);
    await_written("\"stale\": true");
}

TEST_F(IdentitiesTest, OtherDisksMakeItStale) {
    begin_daemon();
    identities->set(ref(web), on_disk(one));
    edit(web, [](Machine& machine) { machine.disks[0].file = "/images/another.qcow2"; });
    EXPECT_TRUE(find(web).stale) << "nobody has looked at that disk";
}

TEST_F(IdentitiesTest, AreForgottenWithTheirMachine) {
    begin_daemon();
    identities->set(ref(web), on_disk(one));
    identities->set(ref(database), on_disk(other));
    await_written(one.text());
    remove(web);
    EXPECT_EQ(find(web), Identity());
    EXPECT_THAT(identities->with(one), IsEmpty());
    await_not_written(one.text());
    EXPECT_THAT(text(), HasSubstr(other.text()));
    fake->add(make_machine("web", 1));
    fake->touch(web);
    run(loop, inventory().refreshed(web));
    EXPECT_EQ(find(web), Identity()) << "another machine, with the same UUID";
}

TEST_F(IdentitiesTest, AreForgottenIfTheirMachineWasDeletedWhileNobodyLooked) {
    begin_daemon();
    identities->set(ref(web), on_disk(one));
    identities->set(ref(database), on_disk(other));
    await_written(other.text());
    forget_daemon();
    fake->erase(web);
    ASSERT_NO_FATAL_FAILURE(restart());
    await_not_written(one.text());
    EXPECT_THAT(text(), HasSubstr(other.text()));
}

TEST_F(IdentitiesTest, AreKeptWhileTheHypervisorIsAway) {
    begin_daemon();
    identities->set(ref(web), on_disk(one));
    fake->close("gone");
    await_state(ConnectionState::disconnected);
    EXPECT_EQ(find(web), on_disk(one));
    hypervisor->reconnect();
    await_state(ConnectionState::connected);
    await_line("resynced");
    EXPECT_EQ(find(web).id, one);
}

}  // namespace
}  // namespace virtbus::test
