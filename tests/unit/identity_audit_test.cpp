// SPDX-License-Identifier: LGPL-2.1-or-later
// The audit of all machine-ids.
#include "unit/identity_jobs_fixture.h"

namespace virtbus::test {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

TEST_F(IdentityJobsTest, AnAuditFindsWhoHasTheSame) {
    put_other("db", 2, one);
    put_other("cache", 3, two);
    put_other("sealed", 4, std::nullopt);
    connect();
    const auto number = audit();
    EXPECT_EQ(job(number).kind, JobKind::machine_id_audit);
    EXPECT_EQ(job(number).subject, ObjectRef(HostRef{}));
    await_end(number);
    const auto groups = groups_of(number, "groups");
    ASSERT_EQ(groups.size(), 1U);
    EXPECT_EQ(groups[0].name, fingerprint(one));
    EXPECT_THAT(groups[0].objects, UnorderedElementsAre(ref_of(web), ref_of(database)));
    EXPECT_TRUE(job(number).result.contains("unread"));
    EXPECT_THAT(groups_of(number, "unread"), IsEmpty());
    EXPECT_EQ(known(make_uuid(3)).id, two);
    EXPECT_EQ(guests->calls().size(), 4U);
}

TEST_F(IdentityJobsTest, AnAuditNeverGoesBackwards) {
    for (std::uint32_t i = 2; i < 6; ++i) put_other("m" + std::to_string(i), i, std::nullopt);
    connect();
    ProgressRecorder progress;
    jobs.observe(&progress);
    await_end(audit());
    jobs.observe(nullptr);
    EXPECT_TRUE(std::is_sorted(progress.shares.begin(), progress.shares.end()))
        << testing::PrintToString(progress.shares);
    EXPECT_THAT(progress.shares, Contains(0.2)) << "one of five is read";
}

TEST_F(IdentityJobsTest, AnAuditReadsOnlyWhatIsNotKnown) {
    put_other("db", 2, two);
    connect();
    await_end(refresh(web));
    await_end(audit());
    EXPECT_THAT(guests->calls(), ElementsAre("read " + web_disk, "read /pools/default/db.qcow2"));
    await_end(audit());
    EXPECT_EQ(guests->calls().size(), 2U) << "all is known";
    edit(web, [](Machine& machine) { machine.state = MachineState::running; });
    edit(web, [](Machine& machine) { machine.state = MachineState::shut_off; });
    await_end(audit());
    EXPECT_EQ(guests->calls().size(), 3U) << "that guest has run since";
    EXPECT_FALSE(known(web).stale);
    edit(web, [&](Machine& machine) { machine.kernel_machine_id.id = two; });
    edit(web, [](Machine& machine) { machine.state = MachineState::running; });
    edit(web, [](Machine& machine) { machine.state = MachineState::shut_off; });
    const auto number = audit();
    await_end(number);
    EXPECT_EQ(guests->calls().size(), 3U) << "its kernel command line says it";
    EXPECT_EQ(groups_of(number, "groups").size(), 1U);
}

TEST_F(IdentityJobsTest, AnAuditSaysWhatItCouldNotReadAndWhy) {
    put_other("db", 2, two, MachineState::running);
    put_other("cache", 3, two);
    auto diskless = make_machine("diskless", 4);
    diskless.disks.clear();
    fake->add(diskless);
    connect();
    guests->fail(Error(Code::unsupported_guest, "there is no Linux on it"));  // cache is the first by its name
    const auto number = audit();
    await_end(number);
    const auto unread = groups_of(number, "unread");
    ASSERT_EQ(unread.size(), 3U);
    EXPECT_EQ(unread[0].name, "there is no Linux on it");
    EXPECT_THAT(unread[0].objects, ElementsAre(ref_of(make_uuid(3))));
    EXPECT_THAT(unread[1].name, HasSubstr("machine db: it is running"));
    EXPECT_THAT(unread[1].objects, ElementsAre(ref_of(database)));
    EXPECT_THAT(unread[2].name, HasSubstr("machine diskless has no disk"));
    EXPECT_EQ(known(web).id, one) << "the others are read";
    EXPECT_EQ(guests->calls().size(), 2U);
}

TEST_F(IdentityJobsTest, AnAuditLeavesOutWhatSomebodyWorksOn) {
    connect();
    guests->block();
    const auto changing = regenerate(web);
    await_guests();
    const auto number = audit();
    await_end(number);
    ASSERT_EQ(groups_of(number, "unread").size(), 1U);
    EXPECT_THAT(groups_of(number, "unread")[0].name, HasSubstr("machine-id-regenerate"));
    guests->release();
    await_end(changing);
}

TEST_F(IdentityJobsTest, AnAuditDoesNotReadWhatHasStartedMeanwhile) {
    put_other("db", 2, two);  // the first by its name
    connect();
    guests->block();
    const auto number = audit();
    await_guests();
    edit(web, [](Machine& machine) { machine.state = MachineState::running; });
    guests->release();
    await_end(number);
    EXPECT_THAT(guests->calls(), ElementsAre("read /pools/default/db.qcow2"));
    ASSERT_EQ(groups_of(number, "unread").size(), 1U);
    EXPECT_THAT(groups_of(number, "unread")[0].name, HasSubstr("machine web: it is running"));
}

TEST_F(IdentityJobsTest, AnAuditGoesOnWhenAMachineIsGoneMeanwhile) {
    put_other("db", 2, two);
    connect();
    guests->block();
    const auto number = audit();
    await_guests();
    erase(web);
    guests->release();
    await_end(number);
    EXPECT_THAT(guests->calls(), ElementsAre("read /pools/default/db.qcow2"));
    EXPECT_THAT(groups_of(number, "unread"), IsEmpty());
}

TEST_F(IdentityJobsTest, AnAuditClaimsOnlyWhatItReadsNow) {
    put_other("db", 2, two);
    connect();
    guests->block();
    const auto number = audit();
    await_guests();
    expect_refused(
        Code::machine_busy, [&] { regenerate(database); }, "machine-id-audit");
    expect_free("web.qcow2");
    guests->release();
    await_end(number);
    expect_free("db.qcow2");
}

TEST_F(IdentityJobsTest, AnAuditCanBeCancelled) {
    put_other("db", 2, two);
    connect();
    guests->block();
    const auto number = audit();
    await_guests();
    jobs.cancel(number);
    await_end(number, JobState::cancelled);
    EXPECT_EQ(guests->calls().size(), 1U) << "the next is not begun";
    expect_free("web.qcow2");
    expect_free("db.qcow2");
}

TEST_F(IdentityJobsTest, AnAuditOfNothingIsDone) {
    fake->erase(web);
    connect();
    const auto number = audit();
    await_end(number);
    EXPECT_TRUE(job(number).result.contains("groups"));
    EXPECT_THAT(groups_of(number, "groups"), IsEmpty());
}

}  // namespace
}  // namespace virtbus::test
