// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libvirt_test.h"

namespace virtbus::test {

namespace {

class Reading : public LibvirtTest {};
VIRTBUS_BOTH_WAYS(Reading);

TEST_P(Reading, DescribesTheHypervisor) {
    const auto info = port().describe();
    EXPECT_EQ(info.driver, "test");
    EXPECT_EQ(info.type, HypervisorType::unknown);
    EXPECT_FALSE(info.version.empty());
    EXPECT_EQ(info.libvirt_version.substr(0, 2), "9.");
    EXPECT_FALSE(info.hostname.empty());
    EXPECT_EQ(info.arch, "i686");
    EXPECT_EQ(info.cpus, 16U);
    EXPECT_EQ(info.memory, std::uint64_t{3} << 30);
    EXPECT_EQ(info.hardware, HardwareVirtualization::none);
    EXPECT_EQ(info.accelerations, std::vector{Acceleration::native});
}

TEST_P(Reading, ListsWhatItReads) {
    create("a");
    const auto b = create("b");
    port().set_autostart(b, true);
    port().start(b, {});
    port().save(b);
    const auto machines = port().list().machines;
    EXPECT_EQ(machines.size(), 3U);
    for (const auto& machine : machines) EXPECT_EQ(port().read(machine.uuid), machine) << machine.name;
}

TEST_P(Reading, FindsAllOfAMachine) {
    const auto uuid = create("web");
    const auto machine = read(uuid);
    EXPECT_EQ(machine.uuid, uuid);
    EXPECT_EQ(machine.name, "web");
    EXPECT_EQ(machine.state, MachineState::shut_off);
    EXPECT_TRUE(machine.persistent);
    EXPECT_FALSE(machine.autostart);
    EXPECT_FALSE(machine.saved);
    EXPECT_NE(machine.definition, 0U);
    EXPECT_EQ(machine.virtualization, Virtualization::hybrid);
}

TEST_P(Reading, FindsNothingUnderAnUnknownUuid) { EXPECT_EQ(port().read(Uuid::random()), std::nullopt); }

TEST_P(Reading, FindsByItsStateAloneWhatAWholeReadingFinds) {
    const auto uuid = create("web");
    port().start(uuid, {});
    const auto running = read(uuid);
    port().pause(uuid);
    EXPECT_EQ(port().read_state(running), read(uuid));
    EXPECT_EQ(port().read_state(running)->state, MachineState::paused);
    port().power_off(uuid, false);
    EXPECT_EQ(port().read_state(running), read(uuid)) << "it has ended meanwhile";
    port().remove(uuid, false);
    EXPECT_EQ(port().read_state(running), std::nullopt);
}

TEST_P(Reading, GivesTheXmlOfWhatRunsAndOfTheDefinition) {
    const auto uuid = create("web");
    EXPECT_EQ(port().machine_xml(uuid, true).text, port().machine_xml(uuid, false).text);
    port().start(uuid, {});
    EXPECT_NE(port().machine_xml(uuid, false).text.find(" id='"), std::string::npos);
    EXPECT_EQ(port().machine_xml(uuid, true).text.find(" id='"), std::string::npos);
    for (const bool inactive : {false, true})
        EXPECT_EQ(port().machine_xml(uuid, inactive).definition, read(uuid).definition);
    EXPECT_REFUSED(no_such_machine, port().machine_xml(Uuid::random(), true));
}

TEST_P(Reading, KeepsPasswordsToItself) {
    auto xml = port().machine_xml(create("web"), true).text;
    xml.replace(xml.find("</devices>"), 0, "<graphics type='vnc' passwd='secret'/>");
    const auto uuid = *Uuid::parse(xml.substr(xml.find("<uuid>") + 6, 36));
    port().redefine(uuid, xml, std::nullopt);
    EXPECT_EQ(port().machine_xml(uuid, true).text.find("secret"), std::string::npos);
    EXPECT_EQ(read(uuid).graphics.size(), 1U);
}

TEST_P(Reading, FindsTheDisksThatARunningMachineHasWhenItStartsNext) {
    const auto uuid = create("web");
    port().start(uuid, {});
    EXPECT_TRUE(read(uuid).next_disks.empty()) << "they are those that it has";
    auto xml = port().machine_xml(uuid, true).text;
    xml.insert(xml.find("</devices>"),
               "<disk type='file' device='disk'><driver name='test' type='raw'/><source "
               "file='/images/next'/><target dev='vdz' bus='virtio'/></disk>");
    port().redefine(uuid, xml, std::nullopt);
    const auto machine = read(uuid);
    EXPECT_EQ(machine.next_disks.size(), machine.disks.size() + 1);
    EXPECT_EQ(machine.next_disks.at(machine.disks.size()).file, "/images/next");
    port().power_off(uuid, false);
    EXPECT_TRUE(read(uuid).next_disks.empty());
    EXPECT_EQ(read(uuid).disks, machine.next_disks);
}

TEST_P(Reading, GivesTheCapabilities) { EXPECT_EQ(port().capabilities_xml().find("<capabilities>"), 0U); }

}  // namespace

}  // namespace virtbus::test
