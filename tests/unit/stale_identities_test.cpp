// SPDX-License-Identifier: LGPL-2.1-or-later
// What was learnt of a machine-id is doubted when somebody may have written to the disk since, also while nobody
// looked.
#include "unit/identities_fixture.h"

namespace virtbus::test {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST_F(IdentitiesTest, AnImageThatWasWrittenToWhileNobodyLookedMakesItStale) {
    begin_daemon();
    identities->set(ref(web), on_disk(one));
    identities->set(ref(database), on_disk(other));
    await_written(other.text());
    forget_daemon();
    write_to("web.qcow2", observed + 1);
    ASSERT_NO_FATAL_FAILURE(restart());
    EXPECT_EQ(find(web).id, one) << "as far as is known";
    EXPECT_EQ(guarantee(find(web)), Guarantee::claimed);
    EXPECT_EQ(guarantee(find(database)), Guarantee::verified) << "nobody has written to that one";
    EXPECT_THAT(text(), Not(HasSubstr("\"stale\": true"))) << "the image itself says so each time";
}

TEST_F(IdentitiesTest, AnImageThatSomebodyWritesToMakesItStale) {
    begin_daemon();
    identities->set(ref(web), on_disk(one));
    write_to("web.qcow2", observed);
    read_pool();
    EXPECT_FALSE(find(web).stale) << "that was the writing of the id itself";
    write_to("web.qcow2", observed + 1);
    read_pool();
    EXPECT_TRUE(find(web).stale);
    EXPECT_TRUE(heard_ids->identities.at(ref(web)).stale);
    auto again = on_disk(one);
    again.observed = observed + 2;
    identities->set(ref(web), again);
    EXPECT_FALSE(find(web).stale) << "somebody has looked again";
}

TEST_F(IdentitiesTest, AnImageThatItsDiskIsBasedOnCountsToo) {
    auto base = dated_image("base.qcow2", 7);
    fake->storage().add(base);
    auto overlay = dated_image("web.qcow2", 1);
    overlay.backing_file = base.path;
    overlay.backing_format = "qcow2";
    fake->storage().add(overlay);
    begin_daemon();
    identities->set(ref(web), on_disk(one));
    await_written(one.text());
    ASSERT_NO_FATAL_FAILURE(restart());
    EXPECT_EQ(guarantee(find(web)), Guarantee::verified);
    put_back("base.qcow2", observed + 1);
    look_at_pool();
    EXPECT_EQ(guarantee(find(web)), Guarantee::verified) << "libvirt gives it to who starts with a disk on it";
    write_to("base.qcow2", observed + 1);
    read_pool();
    EXPECT_EQ(guarantee(find(web)), Guarantee::claimed);
}

TEST_F(IdentitiesTest, AnImageThatIsPutBackWithItsOldTimeMakesItStale) {
    begin_daemon();
    identities->set(ref(web), on_disk(one));
    identities->set(ref(database), on_disk(other));
    put_back("web.qcow2", observed);
    look_at_pool();
    EXPECT_EQ(guarantee(find(web)), Guarantee::verified) << "that was the writing of the id itself";
    put_back("web.qcow2", observed + 1);
    look_at_pool();
    EXPECT_EQ(guarantee(find(web)), Guarantee::claimed) << "also while what libvirt says of it is doubtful";
    await_written(other.text());
    forget_daemon();
    put_back("db.qcow2", observed + 1);
    ASSERT_NO_FATAL_FAILURE(restart());
    EXPECT_EQ(guarantee(find(database)), Guarantee::claimed);
}

TEST_F(IdentitiesTest, InAPoolThatNobodyWatchesItCountsAsLongAsVirtbusWasThere) {
    auto pool = make_pool("default");
    pool.type = "netfs";
    fake->storage().add(pool);
    begin_daemon();
    identities->set(ref(web), on_disk(one));
    identities->set(ref(database), on_disk(other));
    EXPECT_EQ(guarantee(find(web)), Guarantee::verified);
    write_to("db.qcow2", observed + 1);
    read_pool();
    EXPECT_EQ(guarantee(find(database)), Guarantee::claimed) << "what is seen counts";
    await_written(one.text());
    ASSERT_NO_FATAL_FAILURE(restart());
    EXPECT_EQ(guarantee(find(web)), Guarantee::claimed);
}

TEST_F(IdentitiesTest, UntilThePoolsAreListedNothingIsVerified) {
    begin_daemon();
    identities->set(ref(web), on_disk(one));
    await_written(one.text());
    forget_daemon();
    fake->storage().block();
    ASSERT_NO_FATAL_FAILURE(restart(Pools::unlisted));
    EXPECT_EQ(guarantee(find(web)), Guarantee::claimed);
    fake->storage().release();
    await_pools();
    EXPECT_EQ(guarantee(find(web)), Guarantee::verified);
    EXPECT_FALSE(heard_ids->identities.at(ref(web)).stale) << "and it is told";
}

TEST_F(IdentitiesTest, OfADiskOfNoPoolNobodyKnowsAfterARestart) {
    fake->edit(web, [](Machine& machine) { machine.disks[0].file = "/images/web.qcow2"; });
    begin_daemon();
    identities->set(ref(web), on_disk(one));
    EXPECT_EQ(guarantee(find(web)), Guarantee::verified) << "it is watched since";
    await_written(one.text());
    ASSERT_NO_FATAL_FAILURE(restart());
    EXPECT_EQ(guarantee(find(web)), Guarantee::claimed);
    identities->set(ref(web), on_disk(one));
    EXPECT_EQ(guarantee(find(web)), Guarantee::verified);
}

TEST_F(IdentitiesTest, OfADiskOfNoPoolNobodyKnowsAfterALostConnection) {
    fake->edit(web, [](Machine& machine) { machine.disks[0].file = "/images/web.qcow2"; });
    begin_daemon();
    identities->set(ref(web), on_disk(one));
    identities->set(ref(database), on_disk(other));
    heard.lines.clear();
    fake->close("gone");
    await_state(ConnectionState::disconnected);
    hypervisor->reconnect();
    await_line("resynced");
    await_pools();
    EXPECT_EQ(guarantee(find(web)), Guarantee::claimed);
    EXPECT_EQ(guarantee(find(database)), Guarantee::verified);
}

TEST_F(IdentitiesTest, OfWhatIsNoFileTheTimeSaysNothing) {
    auto partition = dated_image("web.qcow2", 0);
    fake->storage().add(partition);
    begin_daemon();
    identities->set(ref(web), on_disk(one));
    write_to("web.qcow2", observed + 1);
    read_pool();
    EXPECT_EQ(guarantee(find(web)), Guarantee::verified) << "it is watched since";
    await_written(one.text());
    ASSERT_NO_FATAL_FAILURE(restart());
    EXPECT_EQ(guarantee(find(web)), Guarantee::claimed);
}

TEST_F(IdentitiesTest, ADiskThatNobodyWritesToDoesNotCount) {
    fake->edit(web, [](Machine& machine) {
        auto cdrom = machine.disks[0];
        cdrom.target = "sda";
        cdrom.device = "cdrom";
        cdrom.file = "/images/debian.iso";
        machine.disks.push_back(cdrom);
    });
    begin_daemon();
    identities->set(ref(web), on_disk(one));
    await_written(one.text());
    ASSERT_NO_FATAL_FAILURE(restart());
    EXPECT_EQ(guarantee(find(web)), Guarantee::verified);
}

}  // namespace
}  // namespace virtbus::test
