// SPDX-License-Identifier: LGPL-2.1-or-later
// What CreateMachine's spec becomes. That libvirt takes it is for the suites with a libvirt: making_test.cpp here, and
// the one with guests.
#include "libvirt/domain_writer.h"

#include "libvirt/domain_reader.h"
#include "libvirt/xml.h"
#include "support/errors.h"

#include <gtest/gtest.h>

#include "texts.h"

namespace virtbus::test {

namespace {

const Uuid new_uuid = *Uuid::parse("6ba7b810-9dad-11d1-80b4-00c04fd430c8");

Host host(const std::string& name, bool session = false) {
    return {read_capabilities(read_text("capabilities/" + name + ".xml")), session};
}

MachineSpec named(const std::string& name) {
    MachineSpec spec;
    spec.name = name;
    return spec;
}

std::string written(const MachineSpec& spec, const std::string& on = "kvm") {
    return write_domain(spec, new_uuid, host(on));
}

bool says(const std::string& xml, const std::string& part) { return xml.find(part) != std::string::npos; }

TEST(DomainWriter, GivesTheDocumentedDefaults) {
    const auto xml = written(named("web"));
    const auto machine = read_domain(xml);
    EXPECT_EQ(machine.uuid, new_uuid);
    EXPECT_EQ(machine.name, "web");
    EXPECT_EQ(machine.memory, std::uint64_t{1} << 30);
    EXPECT_EQ(machine.vcpus, 1U);
    EXPECT_EQ(machine.maximum_vcpus, 1U);
    EXPECT_EQ(machine.arch, "x86_64");
    EXPECT_EQ(machine.machine_type, "q35");
    EXPECT_EQ(machine.firmware, "bios");
    EXPECT_EQ(machine.acceleration, Acceleration::kvm);
    EXPECT_EQ(machine.virtualization, Virtualization::hybrid);
    EXPECT_EQ(machine.agent, AgentState::disconnected);
    EXPECT_TRUE(machine.disks.empty());
    EXPECT_TRUE(machine.graphics.empty());
    EXPECT_EQ(machine.interfaces, (std::vector<Interface>{{"", "network", "virtio", "default", "", ""}}));
    EXPECT_EQ(machine.owner, no_owner);
    EXPECT_TRUE(says(xml, "<cpu mode=\"host-passthrough\"/>"));
    EXPECT_TRUE(says(xml, "<on_crash>destroy</on_crash>"));
    EXPECT_TRUE(says(xml, "<serial type=\"pty\"/>"));
    EXPECT_TRUE(says(xml, "/dev/urandom"));
}

TEST(DomainWriter, WritesAllOfASpec) {
    MachineSpec spec = named("web");
    spec.memory = (std::uint64_t{1} << 30) + 1;
    spec.vcpus = 2;
    spec.maximum_vcpus = 4;
    spec.machine_type = "pc";
    spec.firmware = "efi";
    spec.title = "a <title> & more";
    spec.description = "two\nlines";
    spec.tags = {"production", "web"};
    spec.owner = 1'000;
    spec.graphics = "spice";
    const auto machine = read_domain(written(spec));
    EXPECT_EQ(machine.memory, (std::uint64_t{1} << 30) + 1'024) << "rounded up to KiB";
    EXPECT_EQ(machine.vcpus, 2U);
    EXPECT_EQ(machine.maximum_vcpus, 4U);
    EXPECT_EQ(machine.machine_type, "pc");
    EXPECT_EQ(machine.firmware, "efi");
    EXPECT_EQ(machine.title, "a <title> & more");
    EXPECT_EQ(machine.description, "two\nlines");
    EXPECT_EQ(machine.tags, (std::vector<std::string>{"production", "web"}));
    EXPECT_EQ(machine.owner, 1'000U);
    EXPECT_EQ(machine.graphics, (std::vector<Graphics>{{"spice", "none", "", 0}}));
}

TEST(DomainWriter, WritesDisksOfAllKinds) {
    MachineSpec spec = named("web");
    spec.disks = {
        {.file = "/images/a & b.qcow2", .format = "qcow2"},
        {.pool = "default", .volume = "b.img", .readonly = true},
        {.device = "cdrom"},
        {.file = "/images/c.iso", .format = "raw", .device = "cdrom", .bus = "scsi", .readonly = false},
        {.file = "/images/d.img", .format = "raw", .bus = "usb"},
    };
    const auto xml = written(spec);
    const Disk file{
        .target = "vda", .bus = "virtio", .device = "disk", .format = "qcow2", .file = "/images/a & b.qcow2"};
    const Disk volume{
        .target = "vdb", .bus = "virtio", .device = "disk", .pool = "default", .volume = "b.img", .readonly = true};
    const Disk empty{.target = "sda", .bus = "sata", .device = "cdrom", .readonly = true};
    const Disk cdrom{.target = "sdb", .bus = "scsi", .device = "cdrom", .format = "raw", .file = "/images/c.iso"};
    const Disk stick{.target = "sdc", .bus = "usb", .device = "disk", .format = "raw", .file = "/images/d.img"};
    EXPECT_EQ(read_domain(xml).disks, (std::vector<Disk>{file, volume, empty, cdrom, stick}));
    EXPECT_TRUE(says(xml, "<controller type=\"scsi\" model=\"virtio-scsi\"/>"));
    EXPECT_LT(xml.find("<boot dev=\"hd\"/>"), xml.find("<boot dev=\"cdrom\"/>"));
}

TEST(DomainWriter, NamesMoreDisksThanTheAlphabetHasLetters) {
    MachineSpec spec = named("web");
    spec.disks.assign(28, {.file = "/images/a.img", .format = "raw"});
    const auto disks = read_domain(written(spec)).disks;
    EXPECT_EQ(disks.at(25).target, "vdz");
    EXPECT_EQ(disks.at(26).target, "vdaa");
    EXPECT_EQ(disks.at(27).target, "vdab");
}

TEST(DomainWriter, WritesInterfaces) {
    MachineSpec spec = named("web");
    spec.interfaces = std::vector<InterfaceSpec>{
        {.type = "bridge", .bridge = "br0", .model = "e1000e", .mac = "52:54:00:00:00:01"}, {.type = "user"}};
    EXPECT_EQ(read_domain(written(spec)).interfaces,
              (std::vector<Interface>{{"52:54:00:00:00:01", "bridge", "e1000e", "", "br0", ""},
                                      {"", "user", "virtio", "", "", ""}}));
    spec.interfaces.emplace();
    EXPECT_TRUE(read_domain(written(spec)).interfaces.empty()) << "an empty list is none, not the default";
}

TEST(DomainWriter, GivesASessionDaemonTheNetworkThatItCanHave) {
    const auto machine = read_domain(write_domain(named("web"), new_uuid, host("kvm", true)));
    EXPECT_EQ(machine.interfaces.at(0).type, "user");
}

TEST(DomainWriter, BootsAKernelDirectly) {
    MachineSpec spec = named("web");
    spec.kernel = "/boot/vmlinuz";
    spec.initrd = "/boot/initrd.img";
    spec.cmdline = "console=ttyS0 \"quoted\" <&>";
    const auto xml = written(spec);
    pugi::xml_document document;
    const auto os = parse_xml(document, xml, "domain").child("os");
    EXPECT_EQ(text_of(os.child("kernel")), "/boot/vmlinuz");
    EXPECT_EQ(text_of(os.child("initrd")), "/boot/initrd.img");
    EXPECT_EQ(text_of(os.child("cmdline")), "console=ttyS0 \"quoted\" <&>");
    EXPECT_FALSE(os.child("boot"));
}

TEST(DomainWriter, LeavesOutWhatIsNotWanted) {
    MachineSpec spec = named("web");
    spec.serial = spec.guest_agent = spec.rng = false;
    const auto xml = written(spec);
    EXPECT_FALSE(says(xml, "<serial"));
    EXPECT_FALSE(says(xml, "<channel"));
    EXPECT_FALSE(says(xml, "<rng"));
}

TEST(DomainWriter, TakesTheAccelerationThatIsAskedFor) {
    MachineSpec spec = named("web");
    spec.acceleration = "tcg";
    const auto xml = written(spec);
    EXPECT_EQ(read_domain(xml).acceleration, Acceleration::tcg);
    EXPECT_FALSE(says(xml, "<cpu"));
    spec.acceleration = "kvm";
    EXPECT_EQ(read_domain(written(spec)).acceleration, Acceleration::kvm);
    spec.arch = "aarch64";
    EXPECT_TRUE(refuses(outcome_of([&] { written(spec); }), Code::not_supported, "acceleration"));
}

TEST(DomainWriter, WritesMachinesOfOtherArchitectures) {
    MachineSpec spec = named("arm");
    spec.arch = "aarch64";
    const auto machine = read_domain(written(spec));
    EXPECT_EQ(machine.arch, "aarch64");
    EXPECT_EQ(machine.machine_type, "") << "libvirt knows its default";
    EXPECT_EQ(machine.firmware, "efi");
    EXPECT_EQ(machine.acceleration, Acceleration::tcg);
    spec.arch = "z80";
    EXPECT_TRUE(refuses(outcome_of([&] { written(spec); }), Code::not_supported, "arch"));
}

TEST(DomainWriter, WritesXenGuestsWithXensDevices) {
    MachineSpec spec = named("guest");
    spec.disks = {{.file = "/images/a.img", .format = "raw"}, {.device = "cdrom"}};
    const auto machine = read_domain(written(spec, "xen"));
    EXPECT_EQ(machine.acceleration, Acceleration::xen);
    EXPECT_EQ(machine.disks.at(0).target, "xvda");
    EXPECT_EQ(machine.disks.at(0).bus, "xen");
    EXPECT_EQ(machine.disks.at(1).bus, "ide");
    EXPECT_EQ(machine.interfaces.at(0).model, "");
    EXPECT_EQ(machine.agent, AgentState::none);
}

TEST(DomainWriter, MakesNoContainersYet) {
    EXPECT_TRUE(refuses(outcome_of([] { written(named("box"), "lxc"); }), Code::not_supported));
}

TEST(DomainWriter, AContainerHasARootAConsoleAndANetworkOfItsOwn) {
    auto spec = named("box");
    spec.root = "/var/lib/machines/box";
    spec.init = {"/bin/init", "--log", "a <b>"};
    spec.vcpus = 2;
    spec.tags = {"a"};
    spec.owner = 1000;
    const auto xml = written(spec, "lxc");
    EXPECT_TRUE(says(xml, "<privnet")) << "never the host's network";
    EXPECT_TRUE(says(xml, "<quota>200000</quota>")) << "the time of two CPUs";
    for (const auto* part : {"<disk", "<graphics", "<channel", "<serial", "<memballoon", "<rng", "<interface", "<cpu "})
        EXPECT_FALSE(says(xml, part)) << part;
    const auto machine = read_domain(xml);
    EXPECT_EQ(machine.kind, Kind::container);
    EXPECT_EQ(machine.root, "/var/lib/machines/box");
    EXPECT_EQ(machine.init, spec.init);
    EXPECT_EQ(machine.vcpus, 2U);
    EXPECT_EQ(machine.tags, spec.tags);
    EXPECT_EQ(machine.owner, 1000U);
    EXPECT_EQ(machine.acceleration, Acceleration::native);
}

TEST(DomainWriter, AContainerStartsTheUsualInitByItself) {
    auto spec = named("box");
    spec.root = "/var/lib/machines/box";
    InterfaceSpec interface;
    interface.type = "network";
    interface.network = "default";
    spec.interfaces = std::vector{interface};
    const auto xml = written(spec, "lxc");
    const auto machine = read_domain(xml);
    EXPECT_EQ(machine.init, std::vector<std::string>{"/sbin/init"});
    ASSERT_EQ(machine.interfaces.size(), 1U);
    EXPECT_EQ(machine.interfaces[0].network, "default");
    EXPECT_FALSE(says(xml, "<model")) << "its end of a pair of devices is of no model";
    spec.arch = "riscv64";
    EXPECT_TRUE(refuses(outcome_of([&] { written(spec, "lxc"); }), Code::not_supported, "arch: "));
}

}  // namespace

}  // namespace virtbus::test
