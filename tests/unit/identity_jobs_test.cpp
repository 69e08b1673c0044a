// SPDX-License-Identifier: LGPL-2.1-or-later
// The jobs that learn and change machine-ids of guests: which machines they may touch, what they claim meanwhile, and
// what is known when they have ended, or failed.
#include "unit/identity_jobs_fixture.h"

namespace virtbus::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST_F(IdentityJobsTest, ARefreshLearnsWhatIsOnTheDisk) {
    connect();
    const auto before = refresh(web);
    EXPECT_EQ(job(before).kind, JobKind::machine_id_refresh);
    EXPECT_EQ(job(before).subject, ref_of(web));
    EXPECT_EQ(job(before).owner, 1000U);
    await_end(before);
    EXPECT_EQ(known(web).id, one);
    EXPECT_EQ(known(web).state, IdState::valid);
    EXPECT_EQ(known(web).source, IdentitySource::disk);
    EXPECT_EQ(guarantee(known(web)), Guarantee::verified);
    EXPECT_THAT(guests->calls(), ElementsAre("read " + web_disk));
    EXPECT_TRUE(job(before).result.empty()) << "who may look at it learns the fingerprint from the object";
}

TEST_F(IdentityJobsTest, ARefreshShowsWhateverWasFound) {
    connect();
    GuestIdentity found;
    found.state = IdState::non_canonical;
    found.dbus_state = DbusState::different;
    found.id = two;
    found.overrides = {"loader-entry:/boot/loader/entries/a.conf"};
    guests->find(found);
    await_end(refresh(web));
    EXPECT_EQ(known(web).id, two);
    EXPECT_EQ(known(web).state, IdState::non_canonical);
    EXPECT_EQ(known(web).dbus_state, DbusState::different);
    EXPECT_FALSE(known(web).consistent);
    EXPECT_EQ(known(web).overrides, found.overrides);
    EXPECT_GT(known(web).observed, 0U);
}

TEST_F(IdentityJobsTest, AContainersRootIsReadInPlaceOfDisks) {
    auto container = make_machine("box", 5);
    container.kind = Kind::container;
    container.root = "/srv/box";
    container.disks.clear();
    fake->add(container);
    guests->put("/srv/box", two);
    connect();
    await_end(refresh(make_uuid(5)));
    EXPECT_EQ(guests->system().root, "/srv/box");
    EXPECT_THAT(guests->system().disks, IsEmpty());
    EXPECT_EQ(known(make_uuid(5)).source, IdentitySource::files);
    EXPECT_EQ(known(make_uuid(5)).id, two);
    await_end(regenerate(make_uuid(5)));
    EXPECT_NE(guests->id("/srv/box"), two);
}

TEST_F(IdentityJobsTest, OnlyDisksThatAreItsOwnAreLookedInto) {
    fake->edit(web, [](Machine& machine) {
        auto& disks = machine.disks;
        disks.push_back({"sda", "sata", "cdrom", "raw", "/iso/a.iso", "", "", "", "", "", "", true, false});
        disks.push_back({"fda", "fdc", "floppy", "raw", "/iso/a.img", "", "", "", "", "", "", false, false});
        disks.push_back({"vdb", "virtio", "disk", "raw", "/images/ro.raw", "", "", "", "", "", "", true, false});
        disks.push_back({"sdb", "scsi", "lun", "", "", "/dev/sdz", "", "", "", "", "", false, false});
        disks.push_back({"vdc", "virtio", "disk", "qcow2", "/images/c.qcow2", "", "", "", "", "", "", false, false});
    });
    connect();
    await_end(refresh(web));
    const auto disks = guests->system().disks;
    ASSERT_EQ(disks.size(), 3U);
    EXPECT_EQ(disks[0].path, web_disk);
    EXPECT_EQ(disks[0].format, "qcow2");
    EXPECT_EQ(disks[1].path, "/dev/sdz");
    EXPECT_EQ(disks[1].format, "raw") << "what nobody has said is never guessed";
    EXPECT_EQ(disks[2].path, "/images/c.qcow2");
}

TEST_F(IdentityJobsTest, WithoutADiskOrRootThereIsNoSystem) {
    connect();
    edit(web, [](Machine& machine) { machine.disks.clear(); });
    expect_refused(
        Code::unsupported_guest, [&] { refresh(web); }, "machine web has no disk");
    expect_no_change(web, Code::unsupported_guest, "machine web has no disk");
    edit(web, [](Machine& machine) { machine.kind = Kind::container; });
    expect_no_change(web, Code::unsupported_guest, "nor a root directory");
}

TEST_F(IdentityJobsTest, ADiskOfAnotherHostIsNotReached) {
    connect();
    edit(web, [](Machine& machine) {
        machine.disks[0].file.clear();
        machine.disks[0].protocol = "rbd";
        machine.disks[0].name = "pool/web";
    });
    expect_refused(
        Code::unsupported_guest, [&] { refresh(web); }, "disk vda");
    expect_no_change(web, Code::unsupported_guest, "machine web: disk vda");
}

TEST_F(IdentityJobsTest, AMachineOfAnotherHostIsNotReached) {
    connect();
    const auto remote = std::make_shared<Hypervisor>(loop, "far", "fake://far.example/", fake->connector(), formats);
    const auto machine = *mirrored(web);
    expect_refused(
        Code::not_supported,
        [&] {
            identity_jobs.refresh({remote, 0}, machine);
        },
        "run virtbus there");
    expect_refused(
        Code::not_supported,
        [&] {
            identity_jobs.regenerate({remote, 0}, machine, {});
        },
        "machine web");
    remote->stop();
    settle(loop);
}

TEST_F(IdentityJobsTest, AMachineThatRunsIsLeftAlone) {
    connect();
    for (const auto state :
         {MachineState::running, MachineState::paused, MachineState::suspended, MachineState::shutting_down}) {
        edit(web, [&](Machine& machine) { machine.state = state; });
        expect_refused(
            Code::invalid_state, [&] { refresh(web); }, "shut it down first");
        expect_no_change(web, Code::invalid_state, "machine web: it is " + std::string(to_string(state)));
    }
}

TEST_F(IdentityJobsTest, SavedMemoryRemembersTheDisks) {
    connect();
    edit(web, [](Machine& machine) { machine.saved = true; });
    expect_refused(
        Code::invalid_state, [&] { refresh(web); }, "saved memory");
    expect_no_change(web, Code::invalid_state, "Start and shut it down first");
}

TEST_F(IdentityJobsTest, WhatOthersMayUseIsReadAndNotChanged) {
    connect();
    edit(web, [](Machine& machine) { machine.disks[0].shareable = true; });
    expect_no_change(web, Code::in_use, "its disk vda is shared");
    await_end(refresh(web));
}

TEST_F(IdentityJobsTest, ADiskOfAnotherMachineIsNotChanged) {
    put_machine("twin", 7, *truth().image("default", "web.qcow2"));
    connect();
    expect_no_change(web, Code::in_use, "is one of machine twin too");
}

TEST_F(IdentityJobsTest, ADiskThatAnotherMachineNamesByItsPoolIsNotChanged) {
    auto twin = make_machine("twin", 7);
    twin.disks[0].file.clear();
    twin.disks[0].pool = "default";
    twin.disks[0].volume = "web.qcow2";
    fake->add(twin);
    connect();
    expect_no_change(web, Code::in_use, "is one of machine twin too");
}

TEST_F(IdentityJobsTest, ADiskThatOthersAreBasedOnIsNotChanged) {
    put_overlay("top.qcow2", *truth().image("default", "web.qcow2"));
    connect();
    expect_no_change(web, Code::in_use, "top.qcow2 is based on it");
}

TEST_F(IdentityJobsTest, ADiskThatIsNotWhatItSeemsIsNotOpened) {
    connect();
    change("web.qcow2", [](Image& image) { image.backing_file = "/etc/shadow"; });
    read();
    expect_refused(
        Code::unsafe_image, [&] { refresh(web); }, "/etc/shadow");
    expect_no_change(web, Code::unsafe_image, "cannot look into");
    change("web.qcow2", [](Image& image) {
        image.backing_file.clear();
        image.encrypted = true;
    });
    read();
    expect_refused(
        Code::not_supported, [&] { refresh(web); }, "is encrypted");
}

TEST_F(IdentityJobsTest, AnAssignedIdIsOnTheDiskAndKnown) {
    connect();
    const auto number = assign(web, two);
    EXPECT_EQ(job(number).kind, JobKind::machine_id_assign);
    await_end(number);
    EXPECT_EQ(guests->id(web_disk), two);
    EXPECT_EQ(known(web).id, two);
    EXPECT_EQ(known(web).source, IdentitySource::assigned);
    EXPECT_EQ(guarantee(known(web)), Guarantee::verified);
    EXPECT_EQ(fingerprint_of(number), fingerprint(two));
    EXPECT_EQ(guests->change().kind, IdentityChange::Kind::assign);
    EXPECT_TRUE(guests->change().boot_entries);
    EXPECT_EQ(guests->change().expected, std::nullopt);
    EXPECT_EQ(guests->change().hostname, std::nullopt);
    IdentityPlan plan;
    plan.boot_entries = false;
    await_end(assign(web, one, plan));
    EXPECT_FALSE(guests->change().boot_entries);
}

TEST_F(IdentityJobsTest, AnIdThatAnotherHasIsNotAssigned) {
    put_other("db", 2, two);
    connect();
    await_end(refresh(database));
    expect_refused(
        Code::duplicate_machine_id, [&] { assign(web, two); }, database.text());
    expect_refused(Code::duplicate_machine_id, [&] { identity_jobs.check(*hypervisor, *mirrored(web), two); });
    EXPECT_EQ(guests->id(web_disk), one);
    IdentityPlan plan;
    plan.duplicate = true;
    await_end(assign(web, two, plan));
    EXPECT_EQ(guests->id(web_disk), two);
    EXPECT_THAT(identities.duplicates(ref_of(web)), ElementsAre(ref_of(database)));
}

TEST_F(IdentityJobsTest, TheIdOfThisHostIsNotAssigned) {
    connect();
    Identity host;
    host.id = two;
    identities.set(HostRef{}, host);
    expect_refused(
        Code::duplicate_machine_id, [&] { assign(web, two); }, "this host");
}

TEST_F(IdentityJobsTest, ItsOwnIdMayBeAssignedAgain) {
    connect();
    await_end(refresh(web));
    identity_jobs.check(*hypervisor, *mirrored(web), one);
    await_end(assign(web, one));
    EXPECT_EQ(known(web).source, IdentitySource::assigned);
}

TEST_F(IdentityJobsTest, ANewIdIsOneThatNobodyHas) {
    connect();
    await_end(refresh(web));
    const auto number = regenerate(web);
    EXPECT_EQ(job(number).kind, JobKind::machine_id_regenerate);
    await_end(number);
    const auto first = guests->id(web_disk);
    ASSERT_TRUE(first);
    EXPECT_NE(first, one);
    EXPECT_EQ(known(web).id, first);
    EXPECT_EQ(first->text()[12], '4') << "as systemd makes them: a UUID of version 4";
    await_end(regenerate(web));
    EXPECT_NE(guests->id(web_disk), first);
}

TEST_F(IdentityJobsTest, ASealedGuestHasNone) {
    connect();
    await_end(refresh(web));
    const auto number = seal(web, true, false);
    EXPECT_EQ(job(number).kind, JobKind::machine_id_seal);
    await_end(number);
    EXPECT_EQ(guests->change().kind, IdentityChange::Kind::seal);
    EXPECT_TRUE(guests->change().uninitialized);
    EXPECT_FALSE(guests->change().boot_entries);
    EXPECT_EQ(known(web).id, std::nullopt);
    EXPECT_EQ(known(web).source, IdentitySource::assigned);
    EXPECT_EQ(guarantee(known(web)), Guarantee::none);
    EXPECT_EQ(fingerprint_of(number), "");
    EXPECT_THAT(identities.with(one), IsEmpty());
    await_end(seal(web));
    EXPECT_FALSE(guests->change().uninitialized);
    EXPECT_TRUE(guests->change().boot_entries);
}

TEST_F(IdentityJobsTest, ItIsChangedOnlyIfItIsStillTheOneExpected) {
    connect();
    IdentityPlan plan;
    plan.expected = fingerprint(two);
    await_failure(assign(web, two, plan), Code::stale_generation, "expected:");
    await_failure(regenerate(web, plan), Code::stale_generation, "expected:");
    EXPECT_EQ(guests->id(web_disk), one);
    plan.expected = fingerprint(one);
    await_end(assign(web, two, plan));
    EXPECT_EQ(guests->change().expected, one) << "whoever writes it looks once more";
    EXPECT_EQ(guests->id(web_disk), two);
    plan.expected = "";  // none
    await_failure(assign(web, one, plan), Code::stale_generation, "expected:");
    await_end(seal(web));
    await_end(assign(web, one, plan));
    EXPECT_EQ(guests->id(web_disk), one);
}

TEST_F(IdentityJobsTest, WhatIsWrongInTheGuestReachesTheCaller) {
    connect();
    await_end(refresh(web));
    const auto before = known(web);
    for (const auto code :
         {Code::unsupported_guest, Code::no_space, Code::stale_generation, Code::in_use, Code::not_supported}) {
        guests->fail(Error(code, "there are two systems on it"));
        await_failure(refresh(web), code, "there are two systems on it");
        guests->fail(Error(code, "there are two systems on it"));
        await_failure(regenerate(web), code, "there are two systems on it");
    }
    EXPECT_EQ(known(web), before);
    expect_free("web.qcow2");
}

TEST_F(IdentityJobsTest, CanBeCancelled) {
    connect();
    guests->block();
    const auto reading = refresh(web);
    await_guests();
    jobs.cancel(reading);
    await_end(reading, JobState::cancelled);
    const auto changing = assign(web, two);
    await_guests();
    jobs.cancel(changing);
    await_end(changing, JobState::cancelled);
    EXPECT_EQ(guests->id(web_disk), one);
    EXPECT_EQ(known(web), Identity());
    expect_free("web.qcow2");
}

TEST_F(IdentityJobsTest, NobodyElseChangesItsDisksMeanwhile) {
    connect();
    guests->block();
    const auto reading = refresh(web);
    await_guests();
    expect_refused(
        Code::machine_busy, [&] { regenerate(web); }, "machine-id-refresh");
    expect_refused(
        Code::in_use, [&] { wipe("web.qcow2"); }, "machine-id-refresh");
    expect_refused(Code::in_use, [&] { claim_disks(jobs, *hypervisor, "the start", mirrored(web)->disks); });
    guests->release();
    await_end(reading);
    guests->block();
    const auto changing = regenerate(web);
    await_guests();
    expect_refused(
        Code::machine_busy, [&] { refresh(web); }, "machine-id-regenerate");
    expect_refused(
        Code::in_use, [&] { clone("web.qcow2", "copy.qcow2"); }, "machine-id-regenerate");
    expect_refused(Code::in_use, [&] { claim_disks(jobs, *hypervisor, "the start", mirrored(web)->disks); });
    guests->release();
    await_end(changing);
    expect_free("web.qcow2");
}

TEST_F(IdentityJobsTest, AreRefusedWhileSomebodyWorksOnADisk) {
    connect();
    tool->block();
    const auto copying = clone("web.qcow2", "copy.qcow2");
    await_tool();
    expect_refused(
        Code::in_use, [&] { regenerate(web); }, "clone");
    await_end(refresh(web));  // both read
    tool->release();
    await_end(copying);
    await_end(regenerate(web));
}

TEST_F(IdentityJobsTest, AReadingThatAStartHasOvertakenIsStale) {
    connect();
    guests->block();
    const auto number = refresh(web);
    await_guests();
    edit(web, [](Machine& machine) { machine.state = MachineState::running; });  // by virsh: we would refuse it
    guests->release();
    await_end(number);
    EXPECT_EQ(known(web).id, one);
    EXPECT_TRUE(known(web).stale) << "it runs";
}

TEST_F(IdentityJobsTest, WhatIsReadOfAMachineThatIsGoneIsNotKept) {
    connect();
    guests->block();
    const auto number = refresh(web);
    await_guests();
    erase(web);
    guests->release();
    await_end(number);
    settle(loop);
    fake->add(make_machine("web", 1));
    fake->touch(web);
    run(loop, inventory().refreshed(web));
    EXPECT_EQ(known(web), Identity());
}

}  // namespace
}  // namespace virtbus::test
