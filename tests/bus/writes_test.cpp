// SPDX-License-Identifier: LGPL-2.1-or-later
// Who has the reply to a change sees the change: read your own write, always.
#include "bus_fixture.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>

namespace virtbus::test {
namespace {

using testing::AnyOf;
using testing::ElementsAre;
using testing::HasSubstr;

class WritesTest : public BusTest {};

TEST_F(WritesTest, AThousandOfAThousandReadTheirOwnWrite) {
    serve();
    const auto machine = client.machine(web_path);
    for (int i = 0; i < 1'000; ++i) {
        const auto title = "title " + std::to_string(i);
        machine->SetTitle(title, {});
        ASSERT_EQ(machine->Title(), title);
    }
}

TEST_F(WritesTest, WhatAWriteThatFailsHasChangedAllTheSameIsSeen) {
    first->set_tells(false);
    serve();
    first->edit(database, [](Machine& machine) { machine.title = "half written"; });
    first->fail(PortCall::start, Error(Code::failed, "no"));
    EXPECT_EQ(failure_of([&] { client.machine(database_path)->Start({}); }).name, "org.virtbus1.Error.Failed");
    EXPECT_TRUE(client.wait_until([&] { return client.machine(database_path)->Title() == "half written"; }));
}

TEST_F(WritesTest, ReadTheirOwnWriteAlsoWhenTheHypervisorTellsNothing) {
    first->set_tells(false);
    serve();
    const auto machine = client.machine(database_path);
    for (int i = 0; i < 50; ++i) {
        machine->Start({});
        ASSERT_EQ(machine->State(), "running");
        machine->PowerOff({});
        ASSERT_EQ(machine->State(), "shut-off");
    }
}

TEST_F(WritesTest, TheSignalComesBeforeTheReply) {
    serve();
    for (int i = 0; i < 100; ++i) {
        client.signals.clear();
        const auto reply = begin(web_path, "SetTitle", std::to_string(i), VariantMap());
        ASSERT_TRUE(await(reply));
        ASSERT_NE(client.find("PropertiesChanged", web_path), nullptr);
    }
}

TEST_F(WritesTest, EverySettingShowsWhenItsMethodHasReplied) {
    serve();
    const auto machine = client.machine(database_path);
    machine->SetDescription("two\nlines", {});
    EXPECT_EQ(machine->Description(), "two\nlines");
    machine->SetTags({"web", "prod", "web"}, {});
    EXPECT_THAT(machine->Tags(), ElementsAre("prod", "web"));
    machine->SetAutostart(true, {});
    EXPECT_TRUE(machine->Autostart());
    machine->SetMemory(std::uint64_t{2} << 30, {});
    EXPECT_EQ(machine->Memory(), std::uint64_t{2} << 30);
    EXPECT_EQ(machine->MaximumMemory(), std::uint64_t{2} << 30);
    machine->SetVcpus(4, {{"maximum", sdbus::Variant(std::uint32_t{8})}});
    EXPECT_EQ(machine->Vcpus(), 4U);
    EXPECT_EQ(machine->MaximumVcpus(), 8U);
    machine->Rename("database", {});
    EXPECT_EQ(machine->Name(), "database");
    EXPECT_EQ(client.manager()->GetMachine("database", {}), database_path);
}

TEST_F(WritesTest, EveryVerbShowsWhenItHasReplied) {
    serve();
    const auto machine = client.machine(database_path);
    EXPECT_EQ(machine->Start({{"paused", sdbus::Variant(true)}}), "/");
    EXPECT_EQ(machine->State(), "paused");
    machine->Resume({});
    EXPECT_EQ(machine->State(), "running");
    machine->Pause({});
    EXPECT_EQ(machine->State(), "paused");
    machine->Resume({});
    machine->Reboot({{"mode", sdbus::Variant("agent")}});
    machine->Reset({});
    EXPECT_EQ(first->calls(PortCall::reboot), 1U);
    EXPECT_EQ(first->calls(PortCall::reset), 1U);
    machine->PowerOff({{"graceful", sdbus::Variant(true)}});
    EXPECT_EQ(machine->State(), "shut-off");
}

TEST_F(WritesTest, AMachineThatWasMadeIsOnTheBusWhenTheReplyArrives) {
    serve();
    const auto hypervisor = client.hypervisor(first_path);
    const auto path = hypervisor->CreateMachine({{"name", sdbus::Variant("made")}, {"start", sdbus::Variant(true)}});
    EXPECT_EQ(client.machine(path)->Name(), "made");
    EXPECT_EQ(client.machine(path)->State(), "running");
    EXPECT_EQ(client.machine(path)->Owner(), ::geteuid());
    const auto defined = hypervisor->DefineXml("defined", {});
    EXPECT_EQ(client.machine(defined)->Name(), "defined");
}

TEST_F(WritesTest, AMachineIsMadeWithTheUuidThatWasAskedFor) {
    serve();
    const auto path = client.hypervisor(first_path)
                          ->CreateMachine({{"name", sdbus::Variant("made")},
                                           {"uuid", sdbus::Variant("0F1E2D3C4B5A69788796A5B4C3D2E1F0")}});
    EXPECT_EQ(path, "/org/virtbus1/hypervisor/first/machine/0f1e2d3c_4b5a_6978_8796_a5b4c3d2e1f0");
}

TEST_F(WritesTest, WhatExistsIsNotMadeAgain) {
    serve();
    const auto again = failure_of([&] {
        client.hypervisor(first_path)->CreateMachine({{"name", sdbus::Variant("web")}});
    });
    EXPECT_EQ(again.name, "org.virtbus1.Error.AlreadyExists") << again;
    EXPECT_EQ(failure_of([&] { client.hypervisor(first_path)->DefineXml("<domain/>", {}); }).name,
              "org.virtbus1.Error.InvalidXml");
}

/// A libvirtd that was started anew may have its machines only a moment later.
TEST_F(WritesTest, WhatChangedAMachineThatIsThoughtToBeGoneIsNoSuccess) {
    serve();
    const auto before = *first->machine(web);
    first->erase(web);
    first->set_lingering(true);
    first->touch(web);
    ASSERT_TRUE(await_there([&] { return first->hanging(PortCall::read) == 1; }));
    first->add(before);
    first->block(PortCall::read);
    const auto reply = begin(web_path, "SetTitle", std::string("new"), VariantMap());
    ASSERT_TRUE(await_there([&] { return first->machine(web)->title == "new"; }));
    first->set_lingering(false);
    ASSERT_TRUE(await(reply));
    EXPECT_EQ(reply->failure.name, "org.virtbus1.Error.NoSuchMachine") << "its title is still the old one";
    first->release_all();
    EXPECT_TRUE(await_there([&] {
        try {
            return client.machine(web_path)->Title() == "new";
        } catch (const sdbus::Error&) {
            return false;
        }
    }));
}

TEST_F(WritesTest, DeleteRepliesAndThenTheMachineIsGone) {
    serve();
    for (int i = 0; i < 50; ++i) {
        client.signals.clear();  // the fake gives each the same UUID
        const auto path = client.hypervisor(first_path)->CreateMachine({{"name", sdbus::Variant("short-lived")}});
        const auto deleted = failure_of([&] { client.machine(path)->Delete({}); });
        ASSERT_EQ(deleted.name, "") << deleted;
        // Its object leaves behind the reply: until then it refuses whatever it is asked to do.
        const auto late = failure_of([&] { client.machine(path)->Start({}); });
        ASSERT_THAT(late.name, AnyOf("org.virtbus1.Error.NoSuchMachine", "org.freedesktop.DBus.Error.UnknownObject"));
        ASSERT_TRUE(client.wait_for("InterfacesRemoved", path));
        ASSERT_EQ(failure_of([&] { client.machine(path)->Name(); }).name, "org.freedesktop.DBus.Error.UnknownObject");
        ASSERT_FALSE(client.manager()->GetManagedObjects().contains(path));
    }
}

TEST_F(WritesTest, OfTwoWhoDeleteOneSucceedsAndBothAreAnswered) {
    serve();
    for (int i = 0; i < 20; ++i) {
        const auto path = client.hypervisor(first_path)->CreateMachine({{"name", sdbus::Variant("contested")}});
        const auto one = begin(path, "Delete", VariantMap());
        const auto two = begin(path, "Delete", VariantMap());
        ASSERT_TRUE(await(one) && await(two));
        EXPECT_EQ((one->failure.name.empty() ? 1 : 0) + (two->failure.name.empty() ? 1 : 0), 1)
            << one->failure << "; " << two->failure;
        const auto& loser = one->failure.name.empty() ? two : one;
        // The second comes while the machine leaves, or when it is gone from the bus.
        EXPECT_THAT(loser->failure.name,
                    testing::AnyOf("org.virtbus1.Error.NoSuchMachine", "org.freedesktop.DBus.Error.UnknownObject"))
            << loser->failure;
    }
}

TEST_F(WritesTest, DeleteOfARunningMachineNeedsForce) {
    serve();
    const auto refused = failure_of([&] { client.machine(web_path)->Delete({}); });
    EXPECT_EQ(refused.name, "org.virtbus1.Error.InvalidState") << refused;
    EXPECT_EQ(client.machine(web_path)->Name(), "web");
    client.machine(web_path)->Delete({{"force", sdbus::Variant(true)}});
    EXPECT_FALSE(first->machine(web));
}

TEST_F(WritesTest, ADefinitionIsReplacedOnlyByWhoKnowsItsGeneration) {
    serve();
    const auto machine = client.machine(web_path);
    const auto [xml, read_at] = machine->GetXml({{"inactive", sdbus::Variant(true)}});
    const std::uint64_t generation = read_at;
    EXPECT_THAT(xml, HasSubstr("inactive"));
    EXPECT_EQ(generation, machine->Generation());
    machine->DefineXml("new", {{"generation", sdbus::Variant(generation)}});
    EXPECT_EQ(machine->Description(), "new");
    EXPECT_GT(machine->Generation(), generation);
    const auto stale = failure_of([&] { machine->DefineXml("newer", {{"generation", sdbus::Variant(generation)}}); });
    EXPECT_EQ(stale.name, "org.virtbus1.Error.StaleGeneration") << stale;
    EXPECT_EQ(machine->Description(), "new");
    machine->DefineXml("newest", {});
    EXPECT_EQ(machine->Description(), "newest");
}

TEST_F(WritesTest, ADefinitionThatChangedUnseenIsNotReplacedEither) {
    serve();
    const auto machine = client.machine(web_path);
    const auto generation = machine->Generation();
    first->edit(web, [](Machine& it) { it.definition = 500; });  // and nobody has told yet
    const auto stale = failure_of([&] { machine->DefineXml("x", {{"generation", sdbus::Variant(generation)}}); });
    EXPECT_EQ(stale.name, "org.virtbus1.Error.StaleGeneration") << stale;
}

TEST_F(WritesTest, WhatWasJustReadCanBeReplacedThoughNobodyHasToldOfIt) {
    serve();
    const auto machine = client.machine(web_path);
    first->edit(web, [](Machine& it) { it.definition = 500; });
    const auto [xml, generation] = machine->GetXml({{"inactive", sdbus::Variant(true)}});
    EXPECT_EQ(machine->Generation(), generation) << "the object shows it as well by now";
    machine->DefineXml("new", {{"generation", sdbus::Variant(generation)}});
    EXPECT_EQ(machine->Description(), "new");
}

TEST_F(WritesTest, MemoryAndCpusOfARunningMachineStayBelowTheirMaximum) {
    serve();
    const auto machine = client.machine(web_path);
    machine->SetMemory(std::uint64_t{512} << 20, {});
    EXPECT_EQ(machine->Memory(), std::uint64_t{512} << 20);
    EXPECT_EQ(machine->MaximumMemory(), std::uint64_t{1} << 30);
    const auto beyond = failure_of([&] { machine->SetMemory(std::uint64_t{2} << 30, {}); });
    EXPECT_EQ(beyond.name, "org.freedesktop.DBus.Error.InvalidArgs") << beyond;
    EXPECT_EQ(failure_of([&] { machine->SetVcpus(3, {}); }).name, "org.freedesktop.DBus.Error.InvalidArgs");
    const auto maximum = failure_of([&] { machine->SetVcpus(1, {{"maximum", sdbus::Variant(std::uint32_t{4})}}); });
    EXPECT_EQ(maximum.name, "org.virtbus1.Error.InvalidState") << maximum;
}

TEST_F(WritesTest, AConsoleIsAStreamThatIsClosedWithItsDescriptor) {
    serve();
    const auto console = client.machine(web_path)->OpenConsole({});
    ASSERT_TRUE(console.isValid());
    std::array<char, 16> text{};
    EXPECT_EQ(::read(console.get(), text.data(), text.size()), 3);
    EXPECT_STREQ(text.data(), "web");
    EXPECT_EQ(::read(console.get(), text.data(), text.size()), 0);
    EXPECT_EQ(failure_of([&] { client.machine(database_path)->OpenConsole({}); }).name,
              "org.virtbus1.Error.InvalidState");
}

TEST_F(WritesTest, WhatTheHypervisorRefusesIsTheReply) {
    serve();
    const auto off = failure_of([&] { client.machine(database_path)->PowerOff({}); });
    EXPECT_EQ(off.name, "org.virtbus1.Error.InvalidState") << off;
    first->fail(PortCall::set_title, Error(Code::failed, "the disk is full \xff"));
    const auto failed = failure_of([&] { client.machine(web_path)->SetTitle("x", {}); });
    EXPECT_EQ(failed.name, "org.virtbus1.Error.Failed");
    EXPECT_EQ(failed.message, "the disk is full \uFFFD");
}

}  // namespace
}  // namespace virtbus::test
