// SPDX-License-Identifier: LGPL-2.1-or-later
// Hypervisors that are added to a virtbusd that runs, with real libvirtds behind them.
#include "support/client.h"
#include "support/private_libvirtd.h"
#include "virtbusd.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace virtbus::test {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr const char* not_supported = "org.virtbus1.Error.NotSupported";

class AddedTest : public testing::Test {
protected:
    AddedTest()
        : virtbusd(std::make_unique<Virtbusd>(bus, std::map<std::string, std::string>{{"here", here.uri()}})),
          client(bus.address()) {}
    void SetUp() override { ASSERT_TRUE(wait_until_connected(client, "here")); }

    void add(const std::string& name, const std::string& uri) {
        client.manager()->AddHypervisor(name, uri, {});
        ASSERT_TRUE(wait_until_connected(client, name));
    }
    static std::string path(const std::string& name) { return "/org/virtbus1/hypervisor/" + name; }

    PrivateBus bus;
    PrivateLibvirtd here;
    PrivateLibvirtd there;
    std::unique_ptr<Virtbusd> virtbusd;
    Client client;
};

TEST_F(AddedTest, TheSameUuidOnTwoHypervisorsIsTwoObjectsAndTheNameIsAmbiguous) {
    add("there", there.uri());
    const auto failure = failure_of([&] { client.manager()->GetMachine("test", {}); });
    EXPECT_EQ(failure.name, "org.virtbus1.Error.Ambiguous");
    EXPECT_THAT(failure.message, AllOf(HasSubstr("here"), HasSubstr("there")));
    const std::string first = client.manager()->GetMachine("test", {{"hypervisor", std::string("here")}});
    const std::string second = client.manager()->GetMachine("test", {{"hypervisor", std::string("there")}});
    EXPECT_NE(first, second);
    EXPECT_EQ(client.machine(first)->Uuid(), client.machine(second)->Uuid());
    EXPECT_EQ(failure_of([&] { client.manager()->GetMachine(client.machine(first)->Uuid(), {}); }).name,
              "org.virtbus1.Error.Ambiguous");
    client.machine(second)->Pause({});
    EXPECT_EQ(client.machine(first)->State(), "running");
    EXPECT_EQ(client.machine(second)->State(), "paused");
}

TEST_F(AddedTest, ItIsBackAfterARestartUntilItIsRemoved) {
    add("there", there.uri());
    EXPECT_FALSE(client.hypervisor(path("there"))->Configured());
    EXPECT_TRUE(client.hypervisor(path("here"))->Configured());
    virtbusd->restart();
    EXPECT_THAT(client.manager()->Hypervisors(), ElementsAre(path("here"), path("there")));
    EXPECT_TRUE(wait_until_connected(client, "there"));
    client.manager()->RemoveHypervisor("there", {});
    EXPECT_THAT(client.manager()->Hypervisors(), ElementsAre(path("here")));
    virtbusd->restart();
    EXPECT_THAT(client.manager()->Hypervisors(), ElementsAre(path("here")));
    const auto failure = failure_of([&] { client.manager()->RemoveHypervisor("here", {}); });
    EXPECT_EQ(failure.name, "org.virtbus1.Error.InvalidState");
    EXPECT_THAT(failure.message, HasSubstr("virtbus.json"));
}

TEST_F(AddedTest, WhatTheDriverCannotDoIsNotAskedOfIt) {
    const auto features = client.hypervisor(path("here"))->Features();
    EXPECT_THAT(features, Contains("rename"));
    EXPECT_THAT(features, Contains("events"));
    EXPECT_THAT(features, Not(Contains("console")));
    const std::string machine = client.manager()->GetMachine("test", {});
    const auto failure = failure_of([&] { client.machine(machine)->OpenConsole({}); });
    EXPECT_EQ(failure.name, not_supported);
    EXPECT_EQ(failure.message, "hypervisor here: libvirt's driver for it, test, cannot open consoles");
}

TEST_F(AddedTest, WhatTheDriverCanDoItDoes) {
    const std::string path = client.manager()->GetMachine("test", {});
    const auto machine = client.machine(path);
    machine->Pause({});
    machine->Resume({});
    machine->Reset({});
    machine->Reboot({});
    machine->SetAutostart(true, {});
    machine->SetTitle("a title", {});
    machine->SetMemory(std::uint64_t{1} << 30, {});
    machine->SetVcpus(1, {});
    const std::string save = machine->Save({});
    ASSERT_TRUE(client.wait_until([&] { return client.job(save)->State() != "running"; }));
    EXPECT_EQ(client.job(save)->State(), "done");
    machine->Rename("renamed", {});
    EXPECT_EQ(machine->Name(), "renamed");
    EXPECT_TRUE(machine->Autostart());
    EXPECT_EQ(machine->Title(), "a title");
}

}  // namespace
}  // namespace virtbus::test
