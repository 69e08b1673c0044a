// SPDX-License-Identifier: LGPL-2.1-or-later
// Copies of machines: what they get of their own, and that whatever goes wrong, or whenever the daemon ends, there is
// never a machine without its disks, nor a file that nobody knows.
#include "unit/machine_clone_fixture.h"

namespace virtbus::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

TEST_F(MachineCloneTest, ACopyHasADiskAndAnIdOfItsOwn) {
    connect();
    const auto number = clone_machine(plan_of("copy"));
    EXPECT_EQ(job(number).kind, JobKind::clone);
    EXPECT_EQ(job(number).subject, ObjectRef(MachineRef{"test", web}));
    await_end(number);
    const auto copy = copy_of(number);
    ASSERT_TRUE(copy) << "it is in the mirror when the job has ended";
    EXPECT_EQ(copy->name, "copy");
    EXPECT_NE(copy->uuid, web);
    EXPECT_EQ(copy->owner, 1000U) << "who asked for it";
    EXPECT_EQ(copy->state, MachineState::shut_off);
    ASSERT_EQ(copy->disks.size(), 1U);
    EXPECT_EQ(copy->disks[0].file, "/pools/default/copy.qcow2");
    EXPECT_EQ(copy->disks[0].format, "qcow2");
    EXPECT_TRUE(storage().find_image("default", "copy.qcow2"));
    EXPECT_THAT(steps->files(), ElementsAre("/pools/default/copy.qcow2"));

    const auto id = guests->change().id;
    ASSERT_TRUE(id);
    EXPECT_NE(id, one);
    EXPECT_EQ(known(copy->uuid).id, id);
    EXPECT_EQ(known(copy->uuid).source, IdentitySource::assigned);
    EXPECT_EQ(guarantee(known(copy->uuid)), Guarantee::verified);
    EXPECT_EQ(std::get<std::string>(job(number).result.at("fingerprint")), fingerprint(*id));
    EXPECT_EQ(fake->machine(web), source);
    EXPECT_EQ(guests->id(web_disk), one);
    await_empty_journal();
    expect_free("web.qcow2");
    expect_free("copy.qcow2");
}

TEST_F(MachineCloneTest, TheIdIsProvenBeforeTheMachineIsThere) {
    connect();
    guests->block();
    const auto number = clone_machine(plan_of("copy"));
    await_guests();
    EXPECT_EQ(fake->calls(PortCall::check_copy), 1U) << "what libvirt would refuse is found before hours of copying";
    EXPECT_EQ(fake->calls(PortCall::define_copy), 0U);
    EXPECT_FALSE(truth().image("default", "copy.qcow2"));
    ASSERT_EQ(guests->calls().size(), 1U);
    EXPECT_THAT(guests->calls()[0], StartsWith("assign /pools/default/.virtbus-")) << "not that of the source";
    EXPECT_THAT(journal_text(), HasSubstr("copy.qcow2"));
    guests->release();
    await_end(number);
}

TEST_F(MachineCloneTest, EachDiskIsCopiedAsItIs) {
    put_second_disk();
    fake->edit(web, [](Machine& machine) {
        machine.disks.push_back({"sda", "sata", "cdrom", "raw", "/iso/a.iso", "", "", "", "", "", "", true, false});
    });
    connect();
    const auto number = clone_machine(plan_of("copy"));
    await_end(number);
    const auto copy = copy_of(number);
    ASSERT_TRUE(copy);
    ASSERT_EQ(copy->disks.size(), 3U);
    EXPECT_EQ(copy->disks[0].file, "/pools/default/copy-vda.qcow2");
    EXPECT_EQ(copy->disks[1].file, "/pools/default/copy-vdb.raw");
    EXPECT_EQ(copy->disks[1].format, "raw");
    EXPECT_EQ(copy->disks[2].file, "/iso/a.iso") << "what is only read is shared";
    EXPECT_EQ(formats.find("/pools/default/copy-vdb.raw", 0), "raw") << "whatever the guest writes into it";
    EXPECT_EQ(guests->system().disks.size(), 2U);
    EXPECT_EQ(guests->system().disks[1].format, "raw");
    EXPECT_THAT(tool->calls(),
                ElementsAre("convert web.qcow2", "convert data.raw", "publish copy-vda.qcow2", "publish copy-vdb.raw"));
}

TEST_F(MachineCloneTest, ALinkedCopyIsBasedOnTheSource) {
    put_second_disk();
    connect();
    auto plan = plan_of("copy");
    plan.linked = true;
    const auto number = clone_machine(plan);
    await_end(number);
    EXPECT_THAT(steps->backings(), ElementsAre(web_disk + " qcow2", "/pools/default/data.raw raw"));
    const auto copy = copy_of(number);
    ASSERT_TRUE(copy);
    EXPECT_EQ(copy->disks[1].file, "/pools/default/copy-vdb.qcow2") << "only qcow2 can be based on another";
    EXPECT_EQ(copy->disks[1].format, "qcow2");
    EXPECT_NE(known(copy->uuid).id, one);
}

TEST_F(MachineCloneTest, ItsImagesMayLieInAnotherPool) {
    truth().add(make_pool("fast"));
    connect();
    auto plan = plan_of("copy");
    plan.pool = "fast";
    const auto number = clone_machine(plan);
    await_end(number);
    ASSERT_TRUE(copy_of(number));
    EXPECT_EQ(copy_of(number)->disks[0].file, "/pools/fast/copy.qcow2");
    EXPECT_TRUE(storage().find_image("fast", "copy.qcow2"));
    plan = plan_of("copy2");
    plan.pool = "slow";
    expect_refused(
        Code::no_such_pool, [&] { clone_machine(plan); }, "slow");
}

TEST_F(MachineCloneTest, AGivenIdIsTaken) {
    connect();
    auto plan = plan_of("copy");
    plan.identity = IdentityOf::a_given_one;
    plan.id = two;
    const auto number = clone_machine(plan);
    await_end(number);
    EXPECT_EQ(guests->change().id, two);
    ASSERT_TRUE(copy_of(number));
    EXPECT_EQ(known(copy_of(number)->uuid).id, two);
    plan.name = "copy2";
    expect_refused(
        Code::duplicate_machine_id, [&] { clone_machine(plan); }, copy_of(number)->uuid.text());
    await_end(identity_jobs.refresh(origin(), *mirrored(web)));
    plan.id = one;
    expect_refused(
        Code::duplicate_machine_id, [&] { clone_machine(plan); }, web.text());
}

TEST_F(MachineCloneTest, OneIdIsNotGivenToTwoCopiesAtOnce) {
    connect();
    guests->block();
    auto plan = plan_of("copy");
    plan.identity = IdentityOf::a_given_one;
    plan.id = two;
    const auto number = clone_machine(plan);
    await_guests();
    plan.name = "copy2";
    expect_refused(Code::duplicate_machine_id, [&] { clone_machine(plan); });
    guests->release();
    await_end(number);
}

TEST_F(MachineCloneTest, ASealedCopyHasNone) {
    connect();
    auto plan = plan_of("copy");
    plan.identity = IdentityOf::none;
    const auto number = clone_machine(plan);
    await_end(number);
    EXPECT_EQ(guests->change().kind, IdentityChange::Kind::seal);
    ASSERT_TRUE(copy_of(number));
    EXPECT_EQ(known(copy_of(number)->uuid).id, std::nullopt);
    EXPECT_EQ(known(copy_of(number)->uuid).state, IdState::empty);
    EXPECT_EQ(std::get<std::string>(job(number).result.at("fingerprint")), "");
}

TEST_F(MachineCloneTest, ACopyMayKeepTheIdAndIsADuplicate) {
    connect();
    await_end(identity_jobs.refresh(origin(), *mirrored(web)));
    const auto calls = guests->calls().size();
    auto plan = plan_of("copy");
    plan.identity = IdentityOf::the_source;
    const auto number = clone_machine(plan);
    await_end(number);
    EXPECT_EQ(guests->calls().size(), calls) << "nobody looks into it: it may hold anything";
    ASSERT_TRUE(copy_of(number));
    const ObjectRef copy = MachineRef{"test", copy_of(number)->uuid};
    EXPECT_EQ(identities.find(copy).id, one);
    EXPECT_THAT(identities.duplicates(copy), ElementsAre(ObjectRef(MachineRef{"test", web})));
    EXPECT_GT(identities.find(copy).observed, known(web).observed) << "its disk is younger than what was learnt";
    EXPECT_EQ(std::get<std::string>(job(number).result.at("fingerprint")), fingerprint(one));
}

TEST_F(MachineCloneTest, OfASourceThatNobodyKnowsACopyKeepsWhatNobodyKnows) {
    connect();
    auto plan = plan_of("copy");
    plan.identity = IdentityOf::the_source;
    const auto number = clone_machine(plan);
    await_end(number);
    ASSERT_TRUE(copy_of(number));
    EXPECT_EQ(known(copy_of(number)->uuid), Identity());
    EXPECT_EQ(std::get<std::string>(job(number).result.at("fingerprint")), "");
}

TEST_F(MachineCloneTest, WhatTheSourcesKernelCommandLineSaysIsNotTheCopys) {
    connect();
    edit(web, [&](Machine& machine) { machine.kernel_machine_id.id = two; });
    auto plan = plan_of("copy");
    plan.identity = IdentityOf::the_source;
    const auto number = clone_machine(plan);
    await_end(number);
    ASSERT_TRUE(copy_of(number));
    const auto copy = copy_of(number)->uuid;
    EXPECT_FALSE(copy_of(number)->kernel_machine_id.is_set());
    EXPECT_NE(guarantee(known(copy)), Guarantee::enforced) << "it has no such kernel command line";
    await_end(identity_jobs.refresh(origin(), *mirrored(copy)));
    EXPECT_NE(known(copy).source, IdentitySource::kernel_command_line);
}

TEST_F(MachineCloneTest, ItsIdIsKnownBeforeItsImagesShow) {
    connect();
    steps->at_each_step([&](const std::string& step) {
        if (step == "publish 1") truth().block();
    });
    const auto number = clone_machine(plan_of("copy"));
    ASSERT_TRUE(turn_until(loop, [&] { return inventory().machines().size() == 2 && truth().hanging() > 0; }));
    const auto copy = copy_in_journal();
    EXPECT_TRUE(turn_until(loop, [&] { return known(copy).id.has_value(); })) << "they may never show";
    EXPECT_EQ(job(number).state, JobState::running);
    truth().release();
    await_end(number);
    EXPECT_FALSE(known(copy).stale);
}

TEST_F(MachineCloneTest, OfACopyThatIsStartedAtOnceWhatIsKnownIsStale) {
    connect();
    steps->at_each_step([&](const std::string& step) {
        if (step != "publish 1") return;
        fake->edit(copy_in_journal(), [](Machine& machine) { machine.state = MachineState::running; });
    });
    const auto number = clone_machine(plan_of("copy"));
    await_end(number);
    ASSERT_TRUE(copy_of(number));
    EXPECT_EQ(known(copy_of(number)->uuid).id, guests->change().id);
    EXPECT_TRUE(known(copy_of(number)->uuid).stale) << "it runs";
}

TEST_F(MachineCloneTest, AHostnameGoesWithTheId) {
    connect();
    auto plan = plan_of("copy");
    plan.hostname = "copy.example.org";
    await_end(clone_machine(plan));
    EXPECT_EQ(guests->change().hostname, "copy.example.org");
    plan = plan_of("copy2");
    await_end(clone_machine(plan));
    EXPECT_EQ(guests->change().hostname, std::nullopt);
}

TEST_F(MachineCloneTest, ANameThatIsTakenOrNoneIsRefused) {
    put("copy.qcow2");
    connect();
    expect_refused(
        Code::already_exists, [&] { clone_machine(plan_of("web")); }, "machine web");
    expect_refused(
        Code::already_exists, [&] { clone_machine(plan_of("copy")); }, "image copy.qcow2");
    for (const auto* name : {"", "a/b", "..", "a\nb", ".hidden"})
        expect_refused(
            Code::invalid_args, [&] { clone_machine(plan_of(name)); }, "name:");
    expect_refused(
        Code::invalid_args, [&] { clone_machine(plan_of(std::string(300, 'x'))); }, "name:");
    EXPECT_THAT(jobs.list(), IsEmpty());
}

TEST_F(MachineCloneTest, ASourceThatRunsOrIsSavedIsNotCopied) {
    connect();
    edit(web, [](Machine& machine) { machine.state = MachineState::running; });
    expect_refused(
        Code::invalid_state, [&] { clone_machine(plan_of("copy")); }, "web: it is running");
    edit(web, [](Machine& machine) {
        machine.state = MachineState::shut_off;
        machine.saved = true;
    });
    expect_refused(
        Code::invalid_state, [&] { clone_machine(plan_of("copy")); }, "saved memory");
}

TEST_F(MachineCloneTest, ADiskThatARunningMachineWritesToIsNotCopied) {
    put_machine("twin", 7, *truth().image("default", "web.qcow2"), MachineState::running);
    connect();
    expect_refused(
        Code::in_use, [&] { clone_machine(plan_of("copy")); }, "machine twin");
}

TEST_F(MachineCloneTest, AContainerOrADiskOfNoPoolIsNotCopied) {
    connect();
    edit(web, [](Machine& machine) { machine.disks[0].file = "/images/web.qcow2"; });
    expect_refused(
        Code::not_supported, [&] { clone_machine(plan_of("copy")); }, "/images/web.qcow2, is no image");
    edit(web, [](Machine& machine) { machine.kind = Kind::container; });
    expect_refused(
        Code::not_supported, [&] { clone_machine(plan_of("copy")); }, "is a container");
}

TEST_F(MachineCloneTest, AnImageThatIsNotWhatItSeemsIsNotCopied) {
    connect();
    change("web.qcow2", [](Image& image) { image.backing_file = "/etc/shadow"; });
    read();
    expect_refused(
        Code::unsafe_image, [&] { clone_machine(plan_of("copy")); }, "/etc/shadow");
}

TEST_F(MachineCloneTest, WithoutADiskThereIsNoPlaceForAnId) {
    connect();
    edit(web, [](Machine& machine) { machine.disks.clear(); });
    expect_refused(
        Code::unsupported_guest, [&] { clone_machine(plan_of("copy")); }, "say machine-id keep");
    auto plan = plan_of("copy");
    plan.identity = IdentityOf::the_source;
    const auto number = clone_machine(plan);
    await_end(number);
    EXPECT_TRUE(copy_of(number)) << "it is copied all the same";
}

TEST_F(MachineCloneTest, TwoOfOneNameAreNotMadeAtOnce) {
    connect();
    guests->block();
    const auto number = clone_machine(plan_of("copy"));
    await_guests();
    expect_refused(
        Code::in_use, [&] { clone_machine(plan_of("copy")); }, "image default/copy.qcow2");
    expect_refused(
        Code::in_use, [&] { claim_disks(jobs, *hypervisor, "the start", mirrored(web)->disks); }, "clone");
    expect_refused(
        Code::machine_busy, [&] { identity_jobs.regenerate(origin(), *mirrored(web), {}); }, "clone");
    guests->release();
    await_end(number);
}

TEST_F(MachineCloneTest, TwoOfOneSourceMayBeMadeAtOnce) {
    connect();
    guests->block();
    const auto first = clone_machine(plan_of("copy"));
    const auto second = clone_machine(plan_of("copy2"));
    ASSERT_TRUE(turn_until(loop, [&] { return guests->hanging() == 2; }));
    guests->release();
    await_end(first);
    await_end(second);
    ASSERT_TRUE(copy_of(first));
    ASSERT_TRUE(copy_of(second));
    EXPECT_NE(known(copy_of(first)->uuid).id, known(copy_of(second)->uuid).id);
}

}  // namespace
}  // namespace virtbus::test
