// SPDX-License-Identifier: LGPL-2.1-or-later
// Hypervisors are added and removed by calls, with all that is on the bus of them.
#include "bus_fixture.h"

namespace virtbus::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class HypervisorsOnTheBusTest : public BusTest {
protected:
    HypervisorsOnTheBusTest() {
        more = {{"lab", lab}};
        lab->add(make_machine("web", 1, MachineState::running));
        lab->storage().add(make_pool("default"));
        lab->storage().add(make_image("default", "disk"));
    }

    std::string add() { return client.manager()->AddHypervisor("lab", "qemu+ssh://root@lab.example/system", {}); }
    /// Returns when it is listed; signals until then are forgotten.
    void add_and_list() {
        add();
        ASSERT_TRUE(
            client.wait_until([&] { return client.find("Resynced", lab_path) != nullptr && lab_objects() == 4; }));
        client.flush();
        client.signals.clear();
    }
    std::size_t lab_objects() {
        std::size_t count = 0;
        for (const auto& [path, interfaces] : client.manager()->GetManagedObjects())
            if (path.rfind(lab_path, 0) == 0) ++count;
        return count;
    }
    Failure removing(const std::string& name, const VariantMap& options = {}) {
        return failure_of([&] { client.manager()->RemoveHypervisor(name, options); });
    }

    const std::string lab_path = "/org/virtbus1/hypervisor/lab";
    const std::string lab_web = bus::machine_path("lab", web);
    std::shared_ptr<FakeHypervisor> lab = FakeHypervisor::make();
};

TEST_F(HypervisorsOnTheBusTest, AnAddedOneIsThereWhenTheCallReturns) {
    serve();
    EXPECT_EQ(add(), lab_path);
    const auto added = client.hypervisor(lab_path);
    EXPECT_EQ(added->Name(), "lab");
    EXPECT_EQ(added->Uri(), "qemu+ssh://lab.example/system");
    EXPECT_FALSE(added->Configured());
    EXPECT_TRUE(client.hypervisor(first_path)->Configured());
    EXPECT_THAT(client.manager()->Hypervisors(), ElementsAre(first_path, lab_path, second_path));
    client.flush();
    EXPECT_NE(client.find("InterfacesAdded", lab_path), nullptr);
    const auto* changed = client.find("PropertiesChanged", "org.virtbus1.Manager");
    ASSERT_NE(changed, nullptr);
    EXPECT_EQ(changed->changed.at("Hypervisors").get<std::vector<sdbus::ObjectPath>>().size(), 3U);
    ASSERT_TRUE(client.wait_for("Resynced", lab_path));
    EXPECT_EQ(client.machine(lab_web)->Name(), "web");
}

TEST_F(HypervisorsOnTheBusTest, ARemovedOneTakesAllItsObjectsAlong) {
    serve();
    add_and_list();
    EXPECT_EQ(removing("lab").name, "");
    EXPECT_EQ(lab_objects(), 0U);
    client.flush();
    for (const auto& path : {lab_path, lab_web, std::string(bus::pool_path("lab", "default")),
                             std::string(bus::image_path("lab", "default", "disk"))})
        EXPECT_NE(client.find("InterfacesRemoved", path), nullptr) << path;
    const auto* changed = client.find("PropertiesChanged", "org.virtbus1.Manager");
    ASSERT_NE(changed, nullptr);
    EXPECT_EQ(changed->changed.at("Hypervisors").get<std::vector<sdbus::ObjectPath>>().size(), 2U);
    EXPECT_EQ(failure_of([&] { client.hypervisor(lab_path)->Name(); }).name,
              "org.freedesktop.DBus.Error.UnknownObject");
    EXPECT_EQ(client.manager()->ListMachines({}).size(), 3U);
    EXPECT_TRUE(await_there([&] { return lab->ports() == 0; })) << "its connections are closed";
}

TEST_F(HypervisorsOnTheBusTest, AnOldNameCanBeAddedAgainAtOnce) {
    serve();
    for (int i = 0; i < 5; ++i) {
        add();
        EXPECT_EQ(removing("lab").name, "");
    }
    add_and_list();
    EXPECT_EQ(lab_objects(), 4U);
}

TEST_F(HypervisorsOnTheBusTest, WhoIsBeingServedHearsThatItIsGone) {
    serve();
    add_and_list();
    lab->block(Lane::work);
    const auto title = begin(lab_web, "SetTitle", std::string("new"), VariantMap());
    const auto define =
        client.begin(lab_path, "org.virtbus1.Hypervisor", "DefineXml", std::string("<domain/>"), VariantMap());
    ASSERT_TRUE(await_there([&] { return lab->hanging() == 2; }));
    EXPECT_EQ(removing("lab").name, "");
    ASSERT_TRUE(await(title) && await(define));
    EXPECT_EQ(title->failure.name, "org.virtbus1.Error.NoSuchMachine") << title->failure;
    EXPECT_EQ(define->failure.name, "org.virtbus1.Error.NoSuchHypervisor") << define->failure;
    lab->release(Lane::work);
    EXPECT_TRUE(await_there([&] { return lab->ports() == 0; }));
}

TEST_F(HypervisorsOnTheBusTest, OneThatHangsWhileItConnectsIsServedAndRemoved) {
    serve();
    lab->block(PortCall::connect);
    add();
    ASSERT_TRUE(await_there([&] { return lab->hanging(PortCall::connect) == 1; }));
    EXPECT_EQ(client.hypervisor(lab_path)->ConnectionState(), "connecting");
    client.hypervisor(lab_path)->Reconnect({});
    const auto failure = failure_of([&] { client.hypervisor(lab_path)->GetCapabilitiesXml(); });
    EXPECT_EQ(failure.name, "org.virtbus1.Error.Disconnected") << failure;
    EXPECT_EQ(removing("lab").name, "");
    EXPECT_EQ(lab_objects(), 0U);
    EXPECT_EQ(client.manager()->ListMachines({}).size(), 3U);
    lab->release(PortCall::connect);
    EXPECT_TRUE(await_there([&] { return lab->ports() == 0; }));
}

TEST_F(HypervisorsOnTheBusTest, AJobOnItHasToBeEndedFirst) {
    serve();
    add_and_list();
    lab->block(PortCall::save);
    const std::string job = client.machine(lab_web)->Save({});
    ASSERT_TRUE(await_there([&] { return lab->hanging(PortCall::save) == 1; }));
    const auto failure = removing("lab");
    EXPECT_EQ(failure.name, "org.virtbus1.Error.MachineBusy") << failure;
    EXPECT_THAT(failure.message, HasSubstr("(save machine"));
    EXPECT_EQ(removing("lab", {{"force", true}}).name, "");
    EXPECT_EQ(lab_objects(), 0U);
    ASSERT_TRUE(client.wait_until([&] { return client.job(job)->State() != "running"; }));
    EXPECT_EQ(client.manager()->JobCount(), 0U);
}

TEST_F(HypervisorsOnTheBusTest, WhatIsConfiguredStays) {
    serve();
    const auto failure = removing("first");
    EXPECT_EQ(failure.name, "org.virtbus1.Error.InvalidState") << failure;
    EXPECT_THAT(failure.message, HasSubstr("the test's configuration"));
    EXPECT_EQ(removing("nobody").name, "org.virtbus1.Error.NoSuchHypervisor");
    EXPECT_EQ(client.manager()->Hypervisors().size(), 2U);
}

TEST_F(HypervisorsOnTheBusTest, ArgumentsAreChecked) {
    serve();
    const auto adding = [&](const std::string& name, const std::string& uri, const VariantMap& options = {}) {
        return failure_of([&] { client.manager()->AddHypervisor(name, uri, options); }).name;
    };
    const std::string invalid = "org.freedesktop.DBus.Error.InvalidArgs";
    EXPECT_EQ(adding("a/b", "qemu:///system"), invalid);
    EXPECT_EQ(adding("lab", "qemu+ext:///system?command=evil"), invalid);
    EXPECT_EQ(adding("lab", "qemu:///system", {{"forse", true}}), invalid);
    EXPECT_EQ(adding("first", "qemu:///system"), "org.virtbus1.Error.AlreadyExists");
    EXPECT_EQ(removing("first", {{"force", std::string("yes")}}).name, invalid);
    EXPECT_EQ(client.manager()->Hypervisors().size(), 2U);
}

TEST_F(HypervisorsOnTheBusTest, WhatTheDriverCannotDoIsRefusedBeforeItIsAsked) {
    HypervisorInfo info;
    info.driver = "esx";
    info.has_events = false;
    lab->set_info(info);
    serve();
    add_and_list();
    const auto esx = client.hypervisor(lab_path);
    EXPECT_THAT(esx->Features(),
                ElementsAre("define", "reboot", "pause", "autostart", "memory", "vcpus", "pools", "networks"));
    EXPECT_EQ(esx->PollIntervalUSec(), 30'000'000U);
    EXPECT_EQ(client.hypervisor(first_path)->PollIntervalUSec(), 0U);
    const auto machine = client.machine(lab_web);
    const auto refused = [&](const std::string& what, const std::function<void()>& call) {
        const auto failure = failure_of(call);
        EXPECT_EQ(failure.name, "org.virtbus1.Error.NotSupported") << failure;
        EXPECT_EQ(failure.message, "hypervisor lab: libvirt's driver for it, esx, cannot " + what);
    };
    refused("reset machines", [&] { machine->Reset({}); });
    refused("save the memory of machines", [&] { machine->Save({}); });
    refused("rename machines", [&] { machine->Rename("other", {}); });
    refused("talk to guest agents", [&] { machine->Shutdown({{"mode", "agent"}}); });
    refused("talk to guest agents", [&] { machine->Reboot({{"mode", "agent"}}); });
    refused("open consoles", [&] { machine->OpenConsole({}); });
    refused("keep titles, descriptions and tags", [&] { machine->SetTitle("new", {}); });
    for (const auto call :
         {PortCall::reset, PortCall::save, PortCall::rename, PortCall::open_console, PortCall::set_title})
        EXPECT_EQ(lab->calls(call), 0U);
    machine->Pause({});
    EXPECT_EQ(machine->State(), "paused");
}

TEST_F(HypervisorsOnTheBusTest, ComeAndGoUnderLoad) {
    serve();
    for (std::uint32_t i = 10; i < 60; ++i)
        lab->add(make_machine("load" + std::to_string(i), i, MachineState::running));
    std::vector<std::shared_ptr<Reply>> replies;
    for (int round = 0; round < 15; ++round) {
        add();
        if (round % 3 > 0) {
            ASSERT_TRUE(client.wait_for("InterfacesAdded", lab_web));
        }
        for (std::uint32_t i = 10; i < 40; ++i) {
            const auto path = bus::machine_path("lab", make_uuid(i));
            replies.push_back(begin(path, "Pause", VariantMap()));
            replies.push_back(begin(path, "Resume", VariantMap()));
            replies.push_back(begin(path, "SetTitle", std::string("new"), VariantMap()));
        }
        replies.push_back(client.begin("/org/virtbus1", "org.virtbus1.Manager", "ListMachines", VariantMap()));
        EXPECT_EQ(removing("lab", {{"force", true}}).name, "");
        client.signals.clear();
    }
    ASSERT_TRUE(client.wait_until([&] {
        return std::all_of(replies.begin(), replies.end(), [](const auto& reply) { return reply->count == 1; });
    })) << "each call is answered once";
    EXPECT_EQ(lab_objects(), 0U);
    EXPECT_TRUE(await_there([&] { return lab->ports() == 0; }));
}

}  // namespace
}  // namespace virtbus::test
