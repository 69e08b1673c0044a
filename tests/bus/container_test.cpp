// SPDX-License-Identifier: LGPL-2.1-or-later
// Containers on the bus: what they show and virtual machines do not, and commands that are run in them.
#include "bus_fixture.h"

#include <sys/socket.h>
#include <unistd.h>

namespace virtbus::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsSupersetOf;
using testing::Key;
using testing::Not;
using testing::StartsWith;

using Words = std::vector<std::string>;

constexpr const char* container_interface = "org.virtbus1.Container";
constexpr const char* wrong_arguments = "org.freedesktop.DBus.Error.InvalidArgs";

class BusContainerTest : public BusTest {
protected:
    BusContainerTest() {
        auto machine = make_machine("box", 7, MachineState::running);
        machine.kind = Kind::container;
        machine.virtualization = Virtualization::container;
        machine.disks.clear();
        machine.graphics.clear();
        machine.root = "/var/lib/machines/box";
        machine.init = {"/sbin/init", "--log"};
        first->add(machine);
    }

    static sdbus::UnixFd stream() {
        int ends[2];
        if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) throw std::runtime_error("no socket");
        ::close(ends[1]);
        return {ends[0], sdbus::adopt_fd};
    }
    std::string run(const Words& words, const VariantMap& options = {}) {
        return client.machine(box_path)->RunCommand(words, stream(), stream(), stream(), options);
    }
    void await_state(const std::string& job, const std::string& state) {
        ASSERT_TRUE(client.wait_until([&] { return client.job(job)->State() != "running"; }));
        EXPECT_EQ(client.job(job)->State(), state);
    }

    const Uuid box = make_uuid(7);
    const std::string box_path = bus::machine_path("first", box);
};

TEST_F(BusContainerTest, WhatMakesNoSenseForAContainerIsAbsent) {
    serve();
    const auto objects = client.manager()->GetManagedObjects();
    const auto& shown = objects.at(box_path);
    EXPECT_THAT(shown, IsSupersetOf({Key(std::string("org.virtbus1.Machine")), Key(std::string(container_interface)),
                                     Key(std::string("org.virtbus1.MachineId"))}));
    EXPECT_THAT(shown, Not(testing::Contains(Key(std::string("org.virtbus1.VirtualMachine")))));
    const auto& machine = shown.at("org.virtbus1.Machine");
    for (const auto* property : {"Disks", "Graphics", "Firmware", "MachineType", "Agent", "Saved"})
        EXPECT_EQ(machine.count(property), 0U) << property;
    const auto& container = shown.at(container_interface);
    EXPECT_TRUE(container.at("SharesHostKernel").get<bool>());
    EXPECT_EQ(container.at("Root").get<std::string>(), "/var/lib/machines/box");
    EXPECT_EQ(container.at("Init").get<Words>(), (Words{"/sbin/init", "--log"}));
    EXPECT_THAT(objects.at(web_path), Not(testing::Contains(Key(std::string(container_interface)))));

    EXPECT_NE(failure_of([&] { client.machine(box_path)->Disks(); }).name, "");
    EXPECT_NE(failure_of([&] { client.machine(box_path)->Save({}); }).name, "");
    EXPECT_NE(failure_of([&] { client.machine(web_path)->Root(); }).name, "");
    EXPECT_EQ(client.machine(web_path)->Disks().size(), 1U);
}

TEST_F(BusContainerTest, ItsInterfacesComeAndGoTogether) {
    serve();
    first->erase(box);
    first->touch(box);
    ASSERT_TRUE(client.wait_for("InterfacesRemoved", box_path));
    EXPECT_THAT(client.find("InterfacesRemoved", box_path)->words,
                ElementsAre("org.virtbus1.Machine", "org.virtbus1.MachineId", container_interface));
}

TEST_F(BusContainerTest, WhatIsDefinedAnewIsAnnounced) {
    serve();
    first->edit(box, [](Machine& machine) { machine.init = {"/bin/sh"}; });
    first->touch(box);
    ASSERT_TRUE(client.wait_for("PropertiesChanged", container_interface));
    EXPECT_THAT(client.find("PropertiesChanged", container_interface)->changed_names(), ElementsAre("Init"));
    first->edit(box, [](Machine& machine) { machine.root = "/var/lib/machines/other"; });
    client.signals.clear();
    first->touch(box);
    ASSERT_TRUE(client.wait_for("PropertiesChanged", container_interface));
    EXPECT_THAT(client.find("PropertiesChanged", container_interface)->changed_names(), ElementsAre("Root"));
}

TEST_F(BusContainerTest, ACommandIsAJobWhoseResultIsItsExitCode) {
    serve();
    server->containers().end_with({.exit_code = 42, .signal = 0});
    const auto job = run({"make", "it so"}, {{"timeout_usec", sdbus::Variant(std::uint64_t{5'000'000})}});
    await_state(job, "done");
    EXPECT_EQ(client.job(job)->Kind(), "run");
    EXPECT_EQ(client.job(job)->Subject(), box_path);
    const auto result = client.job(job)->Result();
    EXPECT_THAT(result, ElementsAre(Key(std::string("exit_code"))));
    EXPECT_EQ(result.at("exit_code").get<std::uint64_t>(), 42U);
    EXPECT_EQ(server->containers().words(), (Words{"make", "it so"}));
    EXPECT_EQ(server->containers().limit(), std::chrono::seconds(5));
}

TEST_F(BusContainerTest, ACommandThatASignalHasEndedSaysWhich) {
    serve();
    server->containers().end_with({.exit_code = 0, .signal = 11});
    const auto job = run({"crash"});
    await_state(job, "done");
    EXPECT_THAT(client.job(job)->Result(), ElementsAre(Key(std::string("signal"))));
    EXPECT_EQ(client.job(job)->Result().at("signal").get<std::uint64_t>(), 11U);
}

TEST_F(BusContainerTest, ACommandThatIsNotThereFailsTheJob) {
    serve();
    server->containers().fail({Code::invalid_args, "Cannot run missing in the container: No such file or directory"});
    const auto job = run({"missing"});
    await_state(job, "failed");
    EXPECT_EQ(client.job(job)->Error().get<0>(), wrong_arguments);
}

TEST_F(BusContainerTest, CommandsGoOnBesideOthersUntilTheyAreCancelled) {
    serve();
    server->containers().go_on();
    const auto one = run({"sleep"});
    const auto other = run({"sleep"});
    client.machine(box_path)->SetTitle("still served", {});
    for (const auto& job : {one, other}) {
        EXPECT_EQ(client.job(job)->State(), "running");
        client.job(job)->Cancel({});
        await_state(job, "cancelled");
    }
}

TEST_F(BusContainerTest, WhatCannotBeRunIsRefusedAtOnce) {
    serve();
    const auto refusal = [&](const Words& words, const VariantMap& options = {}) {
        const auto failure = failure_of([&] { run(words, options); });
        EXPECT_EQ(failure.name, wrong_arguments) << failure;
        return failure.message;
    };
    EXPECT_THAT(refusal({}), StartsWith("argv: "));
    EXPECT_THAT(refusal({"", "x"}), StartsWith("argv: "));
    EXPECT_THAT(refusal({"echo", std::string(40'000, 'x')}), StartsWith("argv: "));
    EXPECT_THAT(refusal({"true"}, {{"typo", sdbus::Variant(true)}}), StartsWith("typo: "));
    EXPECT_THAT(refusal({"true"}, {{"timeout_usec", sdbus::Variant(std::uint64_t{1})}}), StartsWith("timeout_usec: "));
    EXPECT_TRUE(server->containers().words().empty());
}

TEST_F(BusContainerTest, AFileIsNoStreamForACommand) {
    serve();
    const sdbus::UnixFd file(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC), sdbus::adopt_fd);
    const auto failure =
        failure_of([&] { client.machine(box_path)->RunCommand({"cat"}, file, stream(), stream(), {}); });
    EXPECT_EQ(failure.name, wrong_arguments) << failure;
    EXPECT_THAT(failure.message, StartsWith("input: must be a pipe or a stream socket"));
}

TEST_F(BusContainerTest, AContainerThatHearsNothingRunsNothing) {
    serve();
    for (const auto state : {MachineState::shut_off, MachineState::paused}) {
        first->edit(box, [&](Machine& machine) { machine.state = state; });
        client.signals.clear();
        first->touch(box);
        ASSERT_TRUE(client.wait_for("PropertiesChanged", box_path));
        const auto failure = failure_of([&] { run({"true"}); });
        EXPECT_EQ(failure.name, "org.virtbus1.Error.InvalidState") << failure;
    }
}

TEST_F(BusContainerTest, AVirtualMachineHasNoCommands) {
    serve();
    const auto failure =
        failure_of([&] { client.machine(web_path)->RunCommand({"true"}, stream(), stream(), stream(), {}); });
    EXPECT_THAT(failure.name, HasSubstr("Unknown"));
}

}  // namespace
}  // namespace virtbus::test
