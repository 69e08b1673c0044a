// SPDX-License-Identifier: LGPL-2.1-or-later
// What is on the bus: every object with all its properties in one call, additions, removals, and exactly what changed.
#include "bus_fixture.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

namespace virtbus::test {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::Key;
using testing::Pair;
using testing::UnorderedElementsAre;

class ObjectsTest : public BusTest {
protected:
    auto managed() { return client.manager()->GetManagedObjects(); }

    static std::vector<std::string> keys(const VariantMap& map) {
        std::vector<std::string> names;
        for (const auto& [name, value] : map) names.push_back(name);
        return names;
    }

    /// The type of a value, and the value itself where it is a simple one, or dictionaries of such.
    static std::string text(const sdbus::Variant& value) {
        const auto type = value.peekValueType();
        if (type == "s") return type + " " + value.get<std::string>();
        if (type == "o") return type + " " + value.get<sdbus::ObjectPath>();
        if (type == "b") return fmt::format("b {}", value.get<bool>());
        if (type == "u") return fmt::format("u {}", value.get<std::uint32_t>());
        if (type == "t") return fmt::format("t {}", value.get<std::uint64_t>());
        if (type == "as") return fmt::format("as {}", fmt::join(value.get<std::vector<std::string>>(), " "));
        if (type == "aa{sv}") return type + text(value.get<std::vector<VariantMap>>());
        return type;
    }

    static std::string text(const std::vector<VariantMap>& dictionaries) {
        std::string all;
        for (const auto& dictionary : dictionaries) {
            all += "\n";
            for (const auto& [key, value] : dictionary) all += fmt::format(" {}: {}", key, text(value));
        }
        return all;
    }
};

TEST_F(ObjectsTest, GetManagedObjectsHasEverything) {
    serve();
    const auto objects = managed();
    EXPECT_THAT(objects, UnorderedElementsAre(Key(first_path), Key(second_path), Key(web_path), Key(database_path),
                                              Key(cache_path), Key("/org/virtbus1/machine_id")));
    const auto& web_object = objects.at(web_path).at("org.virtbus1.Machine");
    EXPECT_EQ(web_object.size(), 27U);
    EXPECT_EQ(web_object.at("Name").get<std::string>(), "web");
    EXPECT_EQ(web_object.at("Uuid").get<std::string>(), web.text());
    EXPECT_EQ(web_object.at("Hypervisor").get<sdbus::ObjectPath>(), first_path);
    EXPECT_EQ(web_object.at("State").get<std::string>(), "running");
    EXPECT_EQ(web_object.at("Virtualization").get<std::string>(), "hybrid");
    EXPECT_EQ(web_object.at("Memory").get<std::uint64_t>(), std::uint64_t{1} << 30);
    EXPECT_EQ(web_object.at("CurrentJob").get<sdbus::ObjectPath>(), "/");
    const auto& hardware = objects.at(web_path).at("org.virtbus1.VirtualMachine");
    EXPECT_EQ(hardware.size(), 6U);
    const auto disks = hardware.at("Disks").get<std::vector<VariantMap>>();
    ASSERT_EQ(disks.size(), 1U);
    EXPECT_THAT(keys(disks[0]),
                UnorderedElementsAre("bus", "device", "file", "format", "readonly", "shareable", "target"))
        << "what does not apply is left out";
    EXPECT_EQ(disks[0].at("file").get<std::string>(), "/images/web.qcow2");
    EXPECT_EQ(objects.at(first_path).at("org.virtbus1.Hypervisor").size(), 22U);
}

TEST_F(ObjectsTest, GetManagedObjectsTellsWhatGetAllTells) {
    serve();
    for (const auto& [path, interfaces] : managed())
        for (const auto& [interface, properties] : interfaces) {
            const auto all = client.machine(path)->GetAll(interface);
            EXPECT_EQ(keys(properties), keys(all)) << path << " " << interface;
            for (const auto& [name, value] : all)
                EXPECT_EQ(text(properties.at(name)), text(value)) << path << " " << name;
        }
}

/// Whenever the changes come: before, in the midst of the reply (see managed_objects_test.cpp) or after it.
TEST_F(ObjectsTest, WhoAsksForAllMeanwhileKnowsHowItEnds) {
    for (std::uint32_t i = 0; i < 1'000; ++i) first->add(make_machine(fmt::format("machine-{}", i), 100 + i));
    serve();
    std::string path = web_path;  // the first that is told
    for (std::uint32_t i = 0; i < 1'000; ++i)
        path = std::min<std::string>(path, bus::machine_path("first", make_uuid(100 + i)));
    const auto manager = sdbus::createProxy(client.connection(), bus::bus_name, bus::root_path);
    for (int i = 0; i < 3; ++i) {
        std::vector<std::shared_ptr<Reply>> changes;
        const auto begin_changes = [&](int count) {
            for (int j = 0; j < count; ++j)
                changes.push_back(begin(path, "SetTitle", fmt::format("{}.{}", i, changes.size()), VariantMap()));
        };
        begin_changes(10);
        std::optional<std::string> shown;
        auto call = manager->createMethodCall("org.freedesktop.DBus.ObjectManager", "GetManagedObjects");
        manager->callMethod(call, [&](sdbus::MethodReply& reply, const sdbus::Error*) {
            std::map<sdbus::ObjectPath, std::map<std::string, VariantMap>> objects;
            reply >> objects;
            shown = objects.at(path).at("org.virtbus1.Machine").at("Title").get<std::string>();
            client.signals.clear();
        });
        begin_changes(20);
        ASSERT_TRUE(client.wait_until([&] {
            return shown &&
                   std::all_of(changes.begin(), changes.end(), [](const auto& each) { return each->count > 0; });
        }));
        client.flush();
        for (const auto& signal : client.signals) {
            if (signal.name == "InterfacesAdded" && signal.subject == path)
                shown = signal.properties.at("Title").get<std::string>();
            if (signal.path == path && signal.changed.contains("Title"))
                shown = signal.changed.at("Title").get<std::string>();
        }
        EXPECT_EQ(*shown, client.machine(path)->Title());
    }
}

TEST_F(ObjectsTest, ReadingNeedsNoHypervisor) {
    serve();
    client.flush();
    const auto before = first->calls() + second->calls();
    managed();
    client.machine(web_path)->GetAll("org.virtbus1.Machine");
    client.hypervisor(first_path)->Driver();
    client.manager()->ListMachines({});
    client.manager()->GetMachine("web", {});
    client.manager()->ListJobs();
    EXPECT_EQ(first->calls() + second->calls(), before);
}

TEST_F(ObjectsTest, ReadingIsServedWhileBothHypervisorsHang) {
    serve();
    for (const auto& fake : {first, second})
        for (const auto lane : {Lane::query, Lane::work, Lane::control}) fake->block(lane);
    first->touch(web);
    EXPECT_EQ(managed().size(), 6U);
    EXPECT_EQ(client.manager()->ListMachines({}).size(), 3U);
}

TEST_F(ObjectsTest, AThousandMachinesComeInOneCall) {
    for (std::uint32_t i = 0; i < 1'000; ++i) first->add(make_machine(fmt::format("machine-{}", i), 100 + i));
    serve();
    const auto objects = managed();
    EXPECT_EQ(objects.size(), 1'006U);
    for (std::uint32_t i = 0; i < 1'000; ++i)
        ASSERT_EQ(objects.at(bus::machine_path("first", make_uuid(100 + i)))
                      .at("org.virtbus1.Machine")
                      .at("Name")
                      .get<std::string>(),
                  fmt::format("machine-{}", i));
}

TEST_F(ObjectsTest, ANewMachineIsAddedWithAllItsProperties) {
    serve();
    first->add(make_machine("new", 4));
    first->happen(make_uuid(4), "defined", "added");
    const auto path = bus::machine_path("first", make_uuid(4));
    ASSERT_TRUE(client.wait_for("Lifecycle", path));
    const auto* added = client.find("InterfacesAdded", path);
    ASSERT_NE(added, nullptr);
    EXPECT_EQ(added->path, "/org/virtbus1");
    EXPECT_THAT(added->words,
                ElementsAre("org.virtbus1.Machine", "org.virtbus1.MachineId", "org.virtbus1.VirtualMachine"));
    EXPECT_EQ(added->properties.size(), 27U);
    EXPECT_EQ(client.signals.front().name, "InterfacesAdded") << "before anything else is said of it";
    EXPECT_THAT(managed(), Contains(Key(path)));
}

TEST_F(ObjectsTest, AMachineThatIsGoneIsRemoved) {
    serve();
    first->erase(database);
    first->happen(database, "undefined", "removed");
    ASSERT_TRUE(client.wait_for("InterfacesRemoved", database_path));
    EXPECT_THAT(client.signals.back().words,
                ElementsAre("org.virtbus1.Machine", "org.virtbus1.MachineId", "org.virtbus1.VirtualMachine"));
    EXPECT_EQ(client.signals.back().name, "InterfacesRemoved") << "after everything else was said of it";
    EXPECT_THAT(managed(), testing::Not(Contains(Key(database_path))));
    EXPECT_EQ(failure_of([&] { client.machine(database_path)->Name(); }).name,
              "org.freedesktop.DBus.Error.UnknownObject");
    EXPECT_EQ(failure_of([&] { client.machine(database_path)->Start({}); }).name,
              "org.freedesktop.DBus.Error.UnknownObject");
}

TEST_F(ObjectsTest, AMachineThatComesBackIsTheSameObjectAgain) {
    serve();
    for (int i = 0; i < 20; ++i) {
        const auto removed = client.count("InterfacesRemoved");
        const auto added = client.count("InterfacesAdded");
        first->erase(database);
        first->touch(database);
        ASSERT_TRUE(client.wait_until([&] { return client.count("InterfacesRemoved") == removed + 1; }));
        first->add(make_machine("db", 2));
        first->touch(database);
        ASSERT_TRUE(client.wait_until([&] { return client.count("InterfacesAdded") == added + 1; }));
        ASSERT_EQ(client.machine(database_path)->Name(), "db");
    }
}

TEST_F(ObjectsTest, PropertiesChangedNamesExactlyWhatChanged) {
    serve();
    first->edit(web, [](Machine& machine) {
        machine.title = "The web";
        machine.memory = 42;
    });
    first->touch(web);
    ASSERT_TRUE(client.wait_for("PropertiesChanged", web_path));
    EXPECT_THAT(client.find("PropertiesChanged", web_path)->changed_names(), ElementsAre("Memory", "Title"));
    EXPECT_EQ(client.find("PropertiesChanged", web_path)->changed.at("Title").get<std::string>(), "The web");
    first->touch(web);
    client.flush();
    EXPECT_EQ(client.signals.size(), 1U) << "nothing more is said when nothing more has changed";
}

struct PropertyCase {
    const char* property;
    std::function<void(Machine&)> change;
};

TEST_F(ObjectsTest, EachPropertyIsAnnouncedWhenItChanges) {
    const std::vector<PropertyCase> cases{
        {"Name", [](Machine& m) { m.name = "renamed"; }},
        {"Kind", [](Machine& m) { m.kind = Kind::container; }},
        {"Virtualization", [](Machine& m) { m.virtualization = Virtualization::para; }},
        {"VirtualizationEvidence", [](Machine& m) { m.evidence = {"os type xen"}; }},
        {"Acceleration", [](Machine& m) { m.acceleration = Acceleration::tcg; }},
        {"StateReason", [](Machine& m) { m.state_reason = "migrated"; }},
        {"Persistent", [](Machine& m) { m.persistent = false; }},
        {"Autostart", [](Machine& m) { m.autostart = true; }},
        {"Saved", [](Machine& m) { m.saved = true; }},
        {"Arch", [](Machine& m) { m.arch = "aarch64"; }},
        {"MachineType", [](Machine& m) { m.machine_type = "virt"; }},
        {"Firmware", [](Machine& m) { m.firmware = "efi"; }},
        {"Vcpus", [](Machine& m) { m.vcpus = 1; }},
        {"MaximumVcpus", [](Machine& m) { m.maximum_vcpus = 64; }},
        {"Memory", [](Machine& m) { m.memory = 1; }},
        {"MaximumMemory", [](Machine& m) { m.maximum_memory = 64; }},
        {"Disks", [](Machine& m) { m.disks.clear(); }},
        {"Interfaces", [](Machine& m) { m.interfaces[0].target = "vnet0"; }},
        {"Graphics", [](Machine& m) { m.graphics[0].port = 5900; }},
        {"Agent", [](Machine& m) { m.agent = AgentState::connected; }},
        {"OperatingSystem", [](Machine& m) { m.operating_system = "http://debian.org/debian/12"; }},
        {"Title", [](Machine& m) { m.title = "t"; }},
        {"Description", [](Machine& m) { m.description = "d"; }},
        {"Tags",
         [](Machine& m) {
             m.tags = {"a", "b"};
         }},
        {"Owner", [](Machine& m) { m.owner = 1000; }},
        {"Generation", [](Machine& m) { m.definition = 99; }},
    };
    serve();
    for (const auto& [property, change] : cases) {
        client.signals.clear();
        first->edit(web, change);
        first->touch(web);
        ASSERT_TRUE(client.wait_for("PropertiesChanged", web_path)) << property;
        EXPECT_THAT(client.find("PropertiesChanged", web_path)->changed_names(), ElementsAre(property));
    }
    client.signals.clear();
    first->edit(web, [](Machine& machine) { machine.state = MachineState::paused; });
    first->touch(web);
    ASSERT_TRUE(client.wait_for("PropertiesChanged", web_path));
    EXPECT_THAT(client.find("PropertiesChanged", web_path)->changed_names(), ElementsAre("State", "StateSinceUSec"));
}

TEST_F(ObjectsTest, AHypervisorTellsHowItIsConnected) {
    serve();
    EXPECT_TRUE(client.hypervisor(first_path)->Connected());
    first->close("End of file");
    ASSERT_TRUE(client.wait_for("PropertiesChanged", first_path));
    const auto changed = *client.find("PropertiesChanged", first_path);
    EXPECT_THAT(changed.changed_names(), ElementsAre("Connected", "ConnectionError", "ConnectionState"));
    EXPECT_FALSE(changed.changed.at("Connected").get<bool>());
    EXPECT_EQ(changed.changed.at("ConnectionState").get<std::string>(), "disconnected");
    EXPECT_EQ(changed.changed.at("ConnectionError").get<std::string>(), "End of file");
    EXPECT_TRUE(client.hypervisor(second_path)->Connected());
    EXPECT_EQ(client.machine(web_path)->State(), "running") << "its machines show what was last known";
}

TEST_F(ObjectsTest, ReconnectBringsTheHypervisorBackAtOnce) {
    serve();
    first->close("End of file");
    ASSERT_TRUE(client.wait_for("PropertiesChanged", first_path));
    first->erase(database);
    client.hypervisor(first_path)->Reconnect({});
    ASSERT_TRUE(client.wait_for("Resynced", first_path));
    EXPECT_NE(client.find("InterfacesRemoved", database_path), nullptr) << "differences come before Resynced";
    EXPECT_TRUE(client.hypervisor(first_path)->Connected());
}

TEST_F(ObjectsTest, TheManagerListsItsHypervisors) {
    serve();
    EXPECT_THAT(client.manager()->Hypervisors(), ElementsAre(first_path, second_path));
    EXPECT_EQ(client.manager()->JobCount(), 0U);
    EXPECT_FALSE(client.manager()->Version().empty());
    EXPECT_TRUE(client.manager()->Features().empty());
}

TEST_F(ObjectsTest, NamesThatAPathCannotHoldAreEscaped) {
    EXPECT_EQ(bus::hypervisor_path("qemu"), "/org/virtbus1/hypervisor/qemu");
    EXPECT_EQ(bus::hypervisor_path("my-host.example"), "/org/virtbus1/hypervisor/my_2dhost_2eexample");
    EXPECT_EQ(bus::hypervisor_path("1st"), "/org/virtbus1/hypervisor/_31st");
    EXPECT_EQ(bus::hypervisor_path(""), "/org/virtbus1/hypervisor/_");
    const auto escaped = std::make_unique<Server>(bus, Server::Hypervisors{{"my-host.example", first}});
    ASSERT_TRUE(client.wait_for("Resynced", "/org/virtbus1/hypervisor/my_2dhost_2eexample"));
    EXPECT_EQ(client.hypervisor(bus::hypervisor_path("my-host.example"))->Name(), "my-host.example");
    EXPECT_EQ(client.machine(bus::machine_path("my-host.example", web))->Name(), "web");
}

// The port promises clean text. Should it break the promise, one machine must not take all others with it.
TEST_F(ObjectsTest, DirtyTextFromAPortSpoilsNothing) {
    serve();
    first->edit(web, [](Machine& machine) {
        machine.title = "caf\xe9";
        machine.tags = {"\xff"};
        machine.disks[0].file = "/images/\xc3";
        machine.evidence = {"disk \xfe is virtio"};
        machine.state_reason = std::string("with\0nul", 8);
    });
    first->touch(web);
    first->edit(database, [](Machine& machine) { machine.title = "clean"; });
    first->touch(database);
    ASSERT_TRUE(client.wait_for("PropertiesChanged", database_path));
    EXPECT_EQ(managed().size(), 6U);
    EXPECT_EQ(client.machine(web_path)->Title(), "caf\uFFFD");
    EXPECT_EQ(client.machine(web_path)->StateReason(), "with\uFFFDnul");
}

TEST_F(ObjectsTest, AResultThatCannotBeSentIsAnsweredNevertheless) {
    serve();
    first->edit(web, [](Machine& machine) { machine.name = "caf\xe9"; });
    const auto reply = begin(web_path, "GetXml", VariantMap());
    ASSERT_TRUE(await(reply)) << "or the caller waits in vain";
    EXPECT_EQ(reply->failure.name, "org.virtbus1.Error.Failed") << reply->failure;
}

}  // namespace
}  // namespace virtbus::test
