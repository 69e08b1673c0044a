// SPDX-License-Identifier: LGPL-2.1-or-later
// Ids that the definition enforces, and those that several have.
#include "unit/identities_fixture.h"

namespace virtbus::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::UnorderedElementsAre;

TEST_F(IdentitiesTest, TheKernelCommandLineEnforcesAnId) {
    begin_daemon();
    identities->set(ref(web), on_disk(one));
    edit(web, [&](Machine& machine) { machine.kernel_machine_id.id = other; });
    EXPECT_EQ(find(web).id, other);
    EXPECT_EQ(find(web).source, IdentitySource::kernel_command_line);
    EXPECT_EQ(guarantee(find(web)), Guarantee::enforced);
    EXPECT_THAT(identities->with(other), ElementsAre(ref(web)));
    identities->set(ref(web), on_disk(one));
    EXPECT_EQ(find(web).id, other) << "it goes before what is on the disk";
    edit(web, [](Machine& machine) { machine.state = MachineState::running; });
    EXPECT_EQ(guarantee(find(web)), Guarantee::enforced) << "also while it runs";
    edit(web, [](Machine& machine) { machine.kernel_machine_id = {}; });
    EXPECT_EQ(find(web).id, one);
    EXPECT_EQ(find(web).source, IdentitySource::disk);
    EXPECT_EQ(guarantee(find(web)), Guarantee::claimed) << "the guest has run since";
}

TEST_F(IdentitiesTest, WhatIsLearntOfAnEnforcedMachineShowsBesideItsId) {
    begin_daemon();
    edit(web, [&](Machine& machine) { machine.kernel_machine_id.id = other; });
    identities->set(ref(web), on_disk(one));
    EXPECT_EQ(find(web).id, other);
    EXPECT_EQ(find(web).state, IdState::valid) << "what /etc/machine-id holds was read";
    EXPECT_EQ(find(web).observed, on_disk(one).observed);
}

TEST_F(IdentitiesTest, WhereTheFirmwaresIsToBeTakenThatOfTheDiskIsAClaim) {
    begin_daemon();
    edit(web, [](Machine& machine) { machine.kernel_machine_id.firmware = true; });
    EXPECT_EQ(find(web), Identity()) << "which id that is depends on the guest";
    identities->set(ref(web), on_disk(one));
    EXPECT_EQ(find(web).id, one);
    EXPECT_EQ(find(web).source, IdentitySource::disk);
    EXPECT_EQ(guarantee(find(web)), Guarantee::claimed);
    edit(web, [](Machine& machine) { machine.kernel_machine_id = {}; });
    EXPECT_EQ(guarantee(find(web)), Guarantee::verified) << "nobody has written there";
}

TEST_F(IdentitiesTest, DuplicatesAreToldAsTheyComeAndGo) {
    fake->add(make_machine("cache", 3));
    begin_daemon();
    const auto cache = make_uuid(3);
    const auto print = fingerprint(one);
    identities->set(ref(web), on_disk(one));
    EXPECT_THAT(heard_ids->lines, IsEmpty()) << "one alone is none";
    identities->set(ref(database), on_disk(one));
    EXPECT_THAT(heard_ids->lines, ElementsAre("2 have " + print));
    identities->set(ref(cache), on_disk(one));
    EXPECT_THAT(heard_ids->lines, ElementsAre("2 have " + print, "3 have " + print)) << "one more";
    identities->set(ref(cache), on_disk(other));
    EXPECT_EQ(heard_ids->lines.size(), 2U) << "two still have it";
    remove(web);
    EXPECT_EQ(heard_ids->lines.back(), "resolved " + print);
    EXPECT_THAT(identities->groups(), IsEmpty());
    EXPECT_EQ(heard_ids->lines.size(), 3U);
}

TEST_F(IdentitiesTest, EachOfTheDuplicatesSeesTheOthers) {
    fake->add(make_machine("cache", 3));
    begin_daemon();
    const auto cache = make_uuid(3);
    auto& seen = heard_ids->duplicates;
    identities->set(ref(web), on_disk(one));
    identities->set(ref(database), on_disk(one));
    EXPECT_THAT(seen.at(ref(web)), ElementsAre(ref(database)));
    EXPECT_THAT(seen.at(ref(database)), ElementsAre(ref(web)));
    identities->set(ref(cache), on_disk(one));
    EXPECT_THAT(seen.at(ref(web)), UnorderedElementsAre(ref(database), ref(cache)));
    EXPECT_THAT(seen.at(ref(database)), UnorderedElementsAre(ref(web), ref(cache)));
    EXPECT_THAT(seen.at(ref(cache)), UnorderedElementsAre(ref(web), ref(database)));
    remove(database);
    EXPECT_THAT(seen.at(ref(web)), ElementsAre(ref(cache)));
    EXPECT_THAT(seen.at(ref(cache)), ElementsAre(ref(web)));
    identities->set(ref(cache), on_disk(other));
    EXPECT_THAT(seen.at(ref(web)), IsEmpty());
    EXPECT_THAT(seen.at(ref(cache)), IsEmpty());
}

TEST_F(IdentitiesTest, ThisHostCountsToo) {
    begin_daemon();
    identities->set(HostRef{}, on_disk(one));
    identities->set(ref(web), on_disk(one));
    EXPECT_THAT(heard_ids->lines, ElementsAre("2 have " + fingerprint(one)));
    EXPECT_THAT(heard_ids->duplicates.at(HostRef{}), ElementsAre(ref(web)));
    EXPECT_THAT(identities->duplicates(ref(web)), ElementsAre(ObjectRef(HostRef{})));
    ASSERT_EQ(identities->groups().size(), 1U);
    EXPECT_THAT(identities->groups().front().subjects, UnorderedElementsAre(ref(web), ObjectRef(HostRef{})));
    await_written(web.text());
    EXPECT_EQ(text().find("host"), std::string::npos) << "this host's is read anew at each start";
}

TEST_F(IdentitiesTest, MachinesWithoutAnIdAreNoDuplicates) {
    begin_daemon();
    auto sealed = on_disk(one);
    sealed.id.reset();
    identities->set(ref(web), sealed);
    identities->set(ref(database), sealed);
    EXPECT_THAT(heard_ids->lines, IsEmpty());
    EXPECT_THAT(identities->duplicates(ref(web)), IsEmpty());
}

TEST_F(IdentitiesTest, AnEnforcedIdCanBeADuplicate) {
    begin_daemon();
    identities->set(ref(database), on_disk(one));
    edit(web, [&](Machine& machine) { machine.kernel_machine_id.id = one; });
    EXPECT_THAT(heard_ids->lines, ElementsAre("2 have " + fingerprint(one)));
}

TEST_F(IdentitiesTest, DuplicatesThatWereLearntBeforeAreToldAfterARestart) {
    begin_daemon();
    identities->set(ref(web), on_disk(one));
    identities->set(ref(database), on_disk(one));
    await_written(database.text());
    ASSERT_NO_FATAL_FAILURE(restart());
    EXPECT_THAT(heard_ids->lines, ElementsAre("2 have " + fingerprint(one)));
}

TEST_F(IdentitiesTest, TheLogHasFingerprintsOnly) {
    begin_daemon();
    const auto before = log::level();
    log::set_target(log::Target::console);
    log::set_level(log::Level::debug);
    testing::internal::CaptureStderr();
    identities->set(ref(web), on_disk(one));
    identities->set(ref(database), on_disk(one));
    await_written(database.text());
    forget_daemon();
    std::ofstream(file) << R"([{"machine": ")" << one.text() << R"(", "id": ")" << one.text();  // cut off
    Identities damaged(loop, file);
    const auto written = testing::internal::GetCapturedStderr();
    log::set_level(before);
    log::set_target(log::Target::automatic);
    EXPECT_THAT(written, HasSubstr(fingerprint(one)));
    EXPECT_THAT(written, HasSubstr("damaged"));
    EXPECT_THAT(written, Not(HasSubstr(one.text())));
    settle(loop);
}

TEST(IdentityWords, AreReadBack) {
    for (const auto source : {IdentitySource::none, IdentitySource::files, IdentitySource::disk,
                              IdentitySource::assigned, IdentitySource::kernel_command_line})
        EXPECT_EQ(to_identity_source(to_string(source)), source);
    EXPECT_FALSE(to_identity_source("Disk"));
}

TEST(IdentityGuarantee, FollowsFromWhatIsKnown) {
    Identity identity;
    EXPECT_EQ(guarantee(identity), Guarantee::none);
    identity.source = IdentitySource::disk;
    EXPECT_EQ(guarantee(identity), Guarantee::none) << "it was looked, and there is none";
    identity.id = MachineId::random();
    EXPECT_EQ(guarantee(identity), Guarantee::verified);
    identity.stale = true;
    EXPECT_EQ(guarantee(identity), Guarantee::claimed);
    identity.source = IdentitySource::kernel_command_line;
    EXPECT_EQ(guarantee(identity), Guarantee::enforced);
    EXPECT_EQ(fingerprint(identity), fingerprint(*identity.id));
    EXPECT_NE(fingerprint(identity), identity.id->text());
}

}  // namespace
}  // namespace virtbus::test
