// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libvirt/domain.h"

#include <set>

#include "libvirt_test.h"

namespace virtbus::test {

namespace {

class Making : public LibvirtTest {
protected:
    static std::string xml(const std::string& name, const std::string& more = "") {
        return "<domain type='test'><name>" + name + "</name><memory unit='KiB'>65536</memory>" + more +
               "<os><type arch='i686'>hvm</type></os></domain>";
    }
    Uuid define(const std::string& text) { return port().define(text, 1'000); }
    /// How many machines there are beside libvirt's own.
    std::size_t count() { return port().list().machines.size() - 1; }
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
    const auto uuid = define(xml("web"));
    EXPECT_EQ(read(uuid).name, "web");
    EXPECT_EQ(read(uuid).owner, 1'000U);
    const auto given = Uuid::random();
    EXPECT_EQ(define(xml("db", "<uuid>" + given.text() + "</uuid>")), given);
}

TEST_P(Making, GivesAMachineToItsMakerWhateverTheXmlSays) {
    const std::string ours =
        "<v:machine xmlns:v='https://virtbus.org/machine/1' owner='7'><v:tag>web</v:tag></v:machine>";
    const auto uuid = define(xml("web", "<metadata>" + ours + "</metadata>"));
    EXPECT_EQ(read(uuid).owner, 1'000U);
    EXPECT_EQ(read(uuid).tags, std::vector<std::string>{"web"});
}

TEST_P(Making, RefusesXmlThatIsNotValid) {
    EXPECT_REFUSED(invalid_xml, define("<domain"));
    EXPECT_REFUSED(invalid_xml, define("<network><name>web</name></network>"));
    EXPECT_REFUSED(invalid_xml, define(xml("web", "<surprise/>")));
    EXPECT_REFUSED(invalid_xml, define(xml("")));
    EXPECT_REFUSED(invalid_xml, define(xml("web", "<title>\uFFFF</title>")));
    EXPECT_REFUSED(invalid_xml, define(xml("web", "<uuid>1</uuid>")));
    EXPECT_EQ(count(), 0U);
}

TEST_P(Making, NeverChangesAMachineWhereItShallDefineANewOne) {
    const auto uuid = create("web");
    const auto before = read(uuid);
    const auto id = "<uuid>" + uuid.text() + "</uuid>";
    EXPECT_REFUSED(already_exists, define(xml("web")));
    EXPECT_REFUSED(already_exists, define(xml("web", id)));
    EXPECT_REFUSED(already_exists, define(xml("other", id)));
    EXPECT_REFUSED(already_exists, define(xml("w<!-- hidden -->eb", id)));
    EXPECT_REFUSED(already_exists, define(xml("<![CDATA[web]]>", id)));
    EXPECT_REFUSED(invalid_xml, define("<!DOCTYPE domain [<!ENTITY n 'web'>]>" + xml("&n;", id)));
    EXPECT_EQ(read(uuid), before);
}

TEST_P(Making, DefinesACopy) {
    auto wanted = spec("web");
    wanted.tags = {"production"};
    wanted.owner = 1'000;
    wanted.autostart = wanted.start = true;
    wanted.disks = {{.file = "/images/web.img", .format = "raw"},
                    {.file = "/images/a.iso", .format = "raw", .device = "cdrom"}};
    wanted.graphics = "vnc";
    const auto source = port().create(wanted);
    const auto before = read(source);
    const MachineCopy::Image image{before.disks.at(0).target, "/images/web-2.qcow2", "qcow2"};
    const MachineCopy copy{"web-2", Uuid::random(), {image}, 2'000};

    EXPECT_EQ(port().define_copy(source, copy), copy.uuid);
    const auto machine = read(copy.uuid);
    EXPECT_EQ(machine.name, "web-2");
    EXPECT_EQ(machine.state, MachineState::shut_off);
    EXPECT_TRUE(machine.persistent);
    EXPECT_FALSE(machine.autostart);
    EXPECT_EQ(machine.owner, 2'000U);
    EXPECT_EQ(machine.tags, before.tags);
    EXPECT_EQ(machine.memory, before.memory);
    EXPECT_EQ(machine.disks.at(0).file, "/images/web-2.qcow2");
    EXPECT_EQ(machine.disks.at(0).format, "qcow2");
    EXPECT_EQ(machine.disks.at(1), before.disks.at(1));
    EXPECT_EQ(machine.interfaces.size(), before.interfaces.size());
    EXPECT_NE(machine.interfaces.at(0).mac, before.interfaces.at(0).mac);
    EXPECT_EQ(machine.graphics.size(), 1U);
    EXPECT_TRUE(events().wait_happened(copy.uuid, {"defined", "added"}));
    EXPECT_EQ(read(source), before) << "the source stays as it is";
    port().start(copy.uuid, {});
}

TEST_P(Making, DefinesCopiesOfCopies) {
    auto uuid = create("web");
    std::set<std::string> addresses{read(uuid).interfaces.at(0).mac};
    for (int i = 0; i < 10; ++i) {
        uuid = port().define_copy(uuid, {"web-" + std::to_string(i), Uuid::random(), {}, no_owner});
        EXPECT_TRUE(addresses.insert(read(uuid).interfaces.at(0).mac).second);
    }
    EXPECT_EQ(count(), 11U);
}

TEST_P(Making, DefinesACopyThatLooksLikeItsSourceToTheGuest) {
    const auto source = define(xml("web",
                                   "<genid/><devices>"
                                   "<serial type='file'><source path='/log'/></serial>"
                                   "<disk type='file'><source file='/a'/><serial>S1</serial>"
                                   "<target dev='vda' bus='virtio'/></disk></devices>"));
    const auto uuid = port().define_copy(source, {"web-2", Uuid::random(), {{"vda", "/b", "raw"}}, no_owner});
    const auto copied = port().machine_xml(uuid, true).text;
    EXPECT_NE(copied.find("<serial>S1</serial>"), std::string::npos) << copied;
    EXPECT_NE(copied.find("<serial type='pty'>"), std::string::npos) << copied;
    EXPECT_EQ(copied.find("'/a'"), std::string::npos) << copied;
    const auto genid = [](const std::string& text) { return text.substr(text.find("<genid>"), 43); };
    EXPECT_NE(genid(copied), genid(port().machine_xml(source, true).text));
    EXPECT_EQ(genid(copied).size(), 43U);
}

TEST_P(Making, RefusesACopyWhoseNameOrUuidIsTaken) {
    const auto web = create("web");
    const auto before = read(web);
    EXPECT_REFUSED(already_exists, port().define_copy(web, {"web", Uuid::random(), {}, no_owner}));
    EXPECT_REFUSED(already_exists, port().define_copy(web, {"web-2", web, {}, no_owner}));
    EXPECT_REFUSED(invalid_args, port().define_copy(web, {"two\nlines", Uuid::random(), {}, no_owner}));
    EXPECT_REFUSED(no_such_machine, port().define_copy(Uuid::random(), {"web-2", Uuid::random(), {}, no_owner}));
    EXPECT_EQ(read(web), before);
    EXPECT_EQ(count(), 1U);
}

TEST_P(Making, RefusesACopyThatWouldWriteToADiskOfItsSource) {
    auto wanted = spec("web");
    wanted.disks = {{.file = "/images/web.img", .format = "raw"}};
    const auto web = port().create(wanted);
    EXPECT_REFUSED(invalid_state, port().define_copy(web, {"web-2", Uuid::random(), {}, no_owner}));
    EXPECT_REFUSED(invalid_args, port().define_copy(web, {"web-2", Uuid::random(), {{"vdz", "/z", "raw"}}, no_owner}));
    EXPECT_EQ(count(), 1U);
}

TEST(MakingCopies, KeepsThePasswordThatThePortDoesNotShow) {
    const std::string here = "test:///default";
    const auto port = LibvirtConnector(event_loop(), here).connect(Lane::work, std::make_shared<RecordedEvents>());
    const auto source = port->define(
        "<domain type='test'><name>web</name><memory>65536</memory><os><type>hvm</type></os>"
        "<devices><graphics type='vnc' port='5907' passwd='geheim'/></devices></domain>",
        no_owner);
    const MachineCopy copy{"web-2", Uuid::random(), {}, no_owner};
    port->define_copy(source, copy);
    {
        const ConnectionHandle connection(virConnectOpen(here.c_str()));  // the same driver: it is in this process
        const auto secure = Domain::find(connection.get(), copy.uuid).xml(VIR_DOMAIN_XML_SECURE);
        EXPECT_NE(secure.find("passwd='geheim'"), std::string::npos) << secure;
        EXPECT_EQ(secure.find("5907"), std::string::npos) << secure;
    }
    port->remove(source, true);
    port->remove(copy.uuid, true);
}

TEST_P(Making, RedefinesWhatWasReadAndNotChangedSince) {
    const auto uuid = create("web");
    auto changed = port().machine_xml(uuid, true).text;
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
