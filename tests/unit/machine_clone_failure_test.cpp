// SPDX-License-Identifier: LGPL-2.1-or-later
// Clones that fail, are cancelled, or whose daemon ends: nothing of them stays.
#include "unit/machine_clone_fixture.h"

namespace virtbus::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class MachineCloneStepTest : public MachineCloneTest, public testing::WithParamInterface<const char*> {};

TEST_P(MachineCloneStepTest, WhereverItFailsNothingStays) {
    put_second_disk();
    connect();
    steps->fail(GetParam(), Error(Code::no_space, "pool default is full"));
    await_failure(clone_machine(plan_of("copy")), Code::no_space, "pool default is full");
    EXPECT_EQ(tool->removed().size(), 2U);
    expect_nothing_left();
    const auto number = clone_machine(plan_of("copy"));  // nothing stands in the way of another try
    await_end(number);
    EXPECT_TRUE(copy_of(number));
}

INSTANTIATE_TEST_SUITE_P(EachStep, MachineCloneStepTest,
                         testing::Values("convert 1", "convert 2", "publish 1", "publish 2"));

TEST_F(MachineCloneTest, WhenLibvirtRefusesTheCopyNothingIsEvenBegun) {
    connect();
    fake->fail(PortCall::check_copy, Error(Code::not_supported, "it has a TPM"));
    await_failure(clone_machine(plan_of("copy")), Code::not_supported, "it has a TPM");
    EXPECT_THAT(tool->calls(), IsEmpty());
    expect_nothing_left();
}

TEST_F(MachineCloneTest, WhenLibvirtCannotDefineItNothingStays) {
    put_second_disk();
    connect();
    fake->fail(PortCall::define_copy, Error(Code::failed, "no"));
    await_failure(clone_machine(plan_of("copy")), Code::failed, "no");
    EXPECT_EQ(tool->removed().size(), 2U);
    expect_nothing_left();
    await_end(clone_machine(plan_of("copy")));  // nothing stands in the way of another try
}

TEST_F(MachineCloneTest, WhenTheGuestCannotBeChangedNothingStays) {
    connect();
    guests->fail(Error(Code::unsupported_guest, "there is no Linux on it"));
    await_failure(clone_machine(plan_of("copy")), Code::unsupported_guest, "there is no Linux on it");
    EXPECT_EQ(fake->calls(PortCall::define_copy), 0U);
    expect_nothing_left();
}

TEST_F(MachineCloneTest, ACopyThatHasAnotherIdThanItShouldIsNotMade) {
    connect();
    GuestIdentity found;
    found.state = IdState::valid;
    found.id = two;
    found.consistent = true;
    guests->find(found);
    await_failure(clone_machine(plan_of("copy")), Code::failed, "the copy does not have the machine-id");
    expect_nothing_left();
}

TEST_F(MachineCloneTest, ACopyOfWhichProgramsWouldReadDifferentIdsIsNotMade) {
    connect();
    auto plan = plan_of("copy");
    plan.identity = IdentityOf::a_given_one;
    plan.id = two;
    GuestIdentity found;
    found.state = IdState::valid;
    found.id = two;
    found.dbus_state = DbusState::different;
    guests->find(found);
    await_failure(clone_machine(plan), Code::failed, "the copy does not have the machine-id");
    EXPECT_THAT(identities.with(two), IsEmpty());
    expect_nothing_left();
}

TEST_F(MachineCloneTest, ASealedCopyThatHasAnIdIsNotMade) {
    connect();
    auto plan = plan_of("copy");
    plan.identity = IdentityOf::none;
    GuestIdentity found;
    found.state = IdState::valid;
    found.id = one;
    found.consistent = true;
    guests->find(found);
    await_failure(clone_machine(plan), Code::failed);
    expect_nothing_left();
}

TEST_F(MachineCloneTest, AMachineWhoseDisksCannotGetTheirNamesIsNotLeftWithoutThem) {
    put_second_disk();
    connect();
    steps->fail("publish 2", Error(Code::failed, "the disk has gone"));
    fake->fail(PortCall::remove, Error(Code::failed, "libvirt does not answer"), -1);
    const auto number = clone_machine(plan_of("copy"));
    await_end(number, JobState::failed);
    EXPECT_EQ(fake->calls(PortCall::define_copy), 1U);
    await_empty_journal();
    EXPECT_THAT(steps->files(), ElementsAre("/pools/default/copy-vda.qcow2", "/pools/default/copy-vdb.raw"))
        << "it could not be taken back: so it gets its disks";
}

TEST_F(MachineCloneTest, CanBeCancelledWhileADiskIsCopied) {
    put_second_disk();
    connect();
    tool->block();
    const auto number = clone_machine(plan_of("copy"));
    await_tool();
    EXPECT_EQ(steps->files().size(), 1U);
    jobs.cancel(number);
    await_end(number, JobState::cancelled);
    expect_nothing_left();
}

TEST_F(MachineCloneTest, CanBeCancelledWhileItsIdIsWritten) {
    connect();
    guests->block();
    const auto number = clone_machine(plan_of("copy"));
    await_guests();
    jobs.cancel(number);
    await_end(number, JobState::cancelled);
    EXPECT_EQ(fake->calls(PortCall::define_copy), 0U);
    expect_nothing_left();
}

TEST_F(MachineCloneTest, CanBeCancelledBeforeItBegins) {
    connect();
    fake->block(PortCall::check_copy);
    const auto number = clone_machine(plan_of("copy"));
    await_hanging(PortCall::check_copy);
    jobs.cancel(number);
    fake->release(PortCall::check_copy);
    await_end(number, JobState::cancelled);
    expect_nothing_left();
}

TEST_F(MachineCloneTest, FromItsDefinitionOnItIsFinished) {
    connect();
    fake->block(PortCall::define_copy);
    const auto number = clone_machine(plan_of("copy"));
    await_hanging(PortCall::define_copy);
    jobs.cancel(number);
    fake->release(PortCall::define_copy);
    await_end(number, JobState::done);
    EXPECT_TRUE(copy_of(number));
    EXPECT_THAT(steps->files(), ElementsAre("/pools/default/copy.qcow2"));
}

TEST_F(MachineCloneTest, WithoutRoomForAllDisksNoneIsCopied) {
    put_second_disk();
    change_pool("default", [](Pool& pool) { pool.available = 300'000; });  // for one of them
    connect();
    await_failure(clone_machine(plan_of("copy")), Code::no_space, "pool default has 300000 bytes left");
    EXPECT_THAT(tool->calls(), IsEmpty());
    expect_nothing_left();
    auto linked = plan_of("copy");
    linked.linked = true;
    await_end(clone_machine(linked));  // it needs none
}

TEST_F(MachineCloneTest, RoomThatWasMadeMeanwhileIsSeen) {
    change_pool("default", [](Pool& pool) { pool.available = 0; });
    connect();
    const auto refreshes = truth().refreshes();
    change_pool("default", [](Pool& pool) { pool.available = 300'000; });  // of which nobody tells
    int at_first_copy = 0;
    steps->at_each_step([&](const std::string& step) {
        if (step == "convert 1") at_first_copy = truth().refreshes();
    });
    await_end(clone_machine(plan_of("copy")));
    EXPECT_GT(at_first_copy, refreshes) << "libvirt knows only what it has seen when it looked";
}

TEST_F(MachineCloneTest, WhenTheFormatOfADiskCannotBeNotedNothingStaysOfTheOthersEither) {
    put_second_disk();
    connect();
    const auto noted = [&] { return StateFile(loop, directory.path / "formats.json").read().value_or(""); };
    const auto number = clone_machine(plan_of("copy"));
    ASSERT_TRUE(turn_until(loop, [&] { return noted().find("copy-vda.qcow2") != std::string::npos; }));
    std::filesystem::create_directory(directory.path / "formats.json.new");  // in the way of each writing
    await_failure(number, Code::failed, "Cannot write");
    EXPECT_THAT(tool->calls(), IsEmpty());
    expect_nothing_left();
}

TEST_F(MachineCloneTest, NothingIsMadeThatDoesNotStandInTheJournal) {
    put_second_disk();
    connect();
    steps->at_each_step([&](const std::string& step) {
        const auto text = journal_text();
        EXPECT_THAT(text, HasSubstr("copy-vda.qcow2")) << step;
        EXPECT_THAT(text, HasSubstr("copy-vdb.raw")) << step;
        for (const auto& file : steps->files()) {
            const auto name = file.substr(file.rfind('/') + 1);
            EXPECT_TRUE(!name.starts_with(".virtbus-") || text.find(name) != std::string::npos) << step << name;
        }
    });
    await_end(clone_machine(plan_of("copy")));
}

TEST_F(MachineCloneTest, WithoutAJournalNothingIsMade) {
    std::filesystem::create_directory(directory.path / "jobs.json.new");  // in the way of each writing
    connect();
    await_failure(clone_machine(plan_of("copy")), Code::failed, "Cannot write");
    EXPECT_THAT(tool->calls(), IsEmpty());
    EXPECT_FALSE(formats.find("/pools/default/copy.qcow2", 0));
    EXPECT_EQ(inventory().machines().size(), 1U);
}

}  // namespace
}  // namespace virtbus::test
