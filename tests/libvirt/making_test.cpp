// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libvirt_test.h"

namespace virtbus::test {

namespace {

class Making : public LibvirtTest {
protected:
    static std::string xml(const std::string& name, const std::string& more = "") {
        return "<domain type='test'><name>" + name + "</name><memory unit='KiB'>65536</memory>" + more +
               "<os><type arch='i686'>hvm</type></os></domain>";
    }
    /// How many machines there are beside libvirt's own.
    std::size_t count() { return port().list().size() - 1; }
};
VIRTBUS_BOTH_WAYS(Making);

TEST_P(Making, CreatesWhatTheSpecSays) {
    auto wanted = spec("web");
    wanted.uuid = Uuid::random();
    wanted.title = "Web & more";
    wanted.tags = {"a", "b"};
    wanted.owner = 1'000;
    wanted.autostart = true;
    wanted.disks = {{.file = "/images/web.qcow2", .format = "qcow2"}, {.device = "cdrom"}};
    wanted.graphics = "vnc";
    const auto uuid = port().create(wanted);
    const auto machine = read(uuid);
    EXPECT_EQ(uuid, wanted.uuid);
    EXPECT_EQ(machine.title, "Web & more");
    EXPECT_EQ(machine.tags, wanted.tags);
    EXPECT_EQ(machine.owner, 1'000U);
    EXPECT_TRUE(machine.autostart);
    EXPECT_EQ(machine.disks.size(), 2U);
    EXPECT_EQ(machine.memory, wanted.memory);
    EXPECT_EQ(machine.vcpus, 2U);
    EXPECT_TRUE(events().wait_happened(uuid, {"defined", "added"}));
}

TEST_P(Making, CreatesAndStarts) {
    auto wanted = spec("web");
    wanted.start = true;
    EXPECT_EQ(read(port().create(wanted)).state, MachineState::running);
}

TEST_P(Making, LeavesNothingWhenTheStartFails) {
    auto wanted = spec("web");
    wanted.start = wanted.paused = true;  // libvirt's test driver cannot start it paused
    wanted.autostart = true;
    EXPECT_REFUSED(not_supported, port().create(wanted));
    EXPECT_EQ(count(), 0U);
}

TEST_P(Making, RefusesANameOrUuidThatIsTaken) {
    const auto uuid = create("web");
    EXPECT_REFUSED(already_exists, create("web"));
    auto wanted = spec("other");
    wanted.uuid = uuid;
    EXPECT_REFUSED(already_exists, port().create(wanted));
    EXPECT_EQ(read(uuid).name, "web");
    EXPECT_EQ(count(), 1U);
}

TEST_P(Making, CallsASpecThatLibvirtRefusesInvalidArgs) {
    auto wanted = spec("web");
    wanted.interfaces = std::vector<InterfaceSpec>{{.type = "user", .mac = "ff:ff:ff:ff:ff:ff"}};
    EXPECT_REFUSED(invalid_args, port().create(wanted));
}

TEST_P(Making, DefinesXml) {
    const auto uuid = port().define(xml("web"));
    EXPECT_EQ(read(uuid).name, "web");
    const auto given = Uuid::random();
    EXPECT_EQ(port().define(xml("db", "<uuid>" + given.text() + "</uuid>")), given);
}

TEST_P(Making, RefusesXmlThatIsNotValid) {
    EXPECT_REFUSED(invalid_xml, port().define("<domain"));
    EXPECT_REFUSED(invalid_xml, port().define("<network><name>web</name></network>"));
    EXPECT_REFUSED(invalid_xml, port().define(xml("web", "<surprise/>")));
    EXPECT_REFUSED(invalid_xml, port().define(xml("")));
    EXPECT_REFUSED(invalid_xml, port().define(xml("web", "<title>\uFFFF</title>")));
    EXPECT_REFUSED(invalid_xml, port().define(xml("web", "<uuid>1</uuid>")));
    EXPECT_EQ(count(), 0U);
}

TEST_P(Making, NeverChangesAMachineWhereItShallDefineANewOne) {
    const auto uuid = create("web");
    const auto before = read(uuid);
    const auto id = "<uuid>" + uuid.text() + "</uuid>";
    EXPECT_REFUSED(already_exists, port().define(xml("web")));
    EXPECT_REFUSED(already_exists, port().define(xml("web", id)));
    EXPECT_REFUSED(already_exists, port().define(xml("other", id)));
    EXPECT_REFUSED(already_exists, port().define(xml("w<!-- hidden -->eb", id)));
    EXPECT_REFUSED(already_exists, port().define(xml("<![CDATA[web]]>", id)));
    EXPECT_REFUSED(invalid_xml, port().define("<!DOCTYPE domain [<!ENTITY n 'web'>]>" + xml("&n;", id)));
    EXPECT_EQ(read(uuid), before);
}

TEST_P(Making, RedefinesWhatWasReadAndNotChangedSince) {
    const auto uuid = create("web");
    auto changed = port().machine_xml(uuid, true);
    changed.replace(changed.find("<memory"), 0, "<title>changed</title>");
    const auto generation = read(uuid).definition;
    port().redefine(uuid, changed, generation);
    EXPECT_EQ(read(uuid).title, "changed");
    EXPECT_NE(read(uuid).definition, generation);
    EXPECT_REFUSED(stale_generation, port().redefine(uuid, changed, generation));
    port().redefine(uuid, changed, std::nullopt);
    EXPECT_TRUE(events().wait_happened(uuid, {"defined", "updated"}));
}

TEST_P(Making, RedefinesOnlyTheMachineItself) {
    const auto uuid = create("web");
    const auto own = "<uuid>" + uuid.text() + "</uuid>";
    EXPECT_REFUSED(invalid_args, port().redefine(uuid, xml("other", own), std::nullopt));
    EXPECT_REFUSED(invalid_args, port().redefine(uuid, xml("web"), std::nullopt));
    EXPECT_REFUSED(invalid_args,
                   port().redefine(uuid, xml("web", "<uuid>" + Uuid::random().text() + "</uuid>"), std::nullopt));
    EXPECT_REFUSED(invalid_xml, port().redefine(uuid, xml("web", own + "<surprise/>"), std::nullopt));
    EXPECT_REFUSED(no_such_machine, port().redefine(Uuid::random(), xml("web", own), std::nullopt));
    EXPECT_EQ(count(), 1U);
}

TEST_P(Making, RedefiningLeavesWhatRunsAsItIs) {
    const auto uuid = create("web");
    port().start(uuid, {});
    port().redefine(uuid, xml("web", "<uuid>" + uuid.text() + "</uuid><title>next</title>"), std::nullopt);
    EXPECT_EQ(read(uuid).title, "");
    port().power_off(uuid, false);
    EXPECT_EQ(read(uuid).title, "next");
}

TEST_P(Making, RemovesAMachine) {
    const auto uuid = create("web");
    port().remove(uuid, false);
    EXPECT_EQ(port().read(uuid), std::nullopt);
    EXPECT_TRUE(events().wait_happened(uuid, {"undefined", "removed"}));
    EXPECT_REFUSED(no_such_machine, port().remove(uuid, false));
}

TEST_P(Making, RemovesNothingThatRunsOrIsSavedUnlessForced) {
    const auto uuid = create("web");
    port().start(uuid, {});
    EXPECT_REFUSED(invalid_state, port().remove(uuid, false));
    port().save(uuid);
    EXPECT_REFUSED(invalid_state, port().remove(uuid, false));
    port().remove(uuid, true);
    EXPECT_EQ(port().read(uuid), std::nullopt);

    const auto running = create("web");
    port().start(running, {});
    port().remove(running, true);
    EXPECT_EQ(port().read(running), std::nullopt);
}

}  // namespace

}  // namespace virtbus::test
