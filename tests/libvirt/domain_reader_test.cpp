// SPDX-License-Identifier: LGPL-2.1-or-later
// What the definitions of all kinds of machines read as.
#include "libvirt/domain_reader.h"

#include "texts.h"

#include <algorithm>

namespace virtbus::test {

namespace {

using Evidence = std::vector<std::string>;

Machine machine(const std::string& name) { return read_domain(read_text("domains/" + name + ".xml")); }

bool has(const Evidence& evidence, const std::string& phrase) {
    return std::find(evidence.begin(), evidence.end(), phrase) != evidence.end();
}

TEST(DomainReader, CallsAMachineOfEmulatedDevicesFull) {
    const auto desktop = machine("qemu-full");
    EXPECT_EQ(desktop.virtualization, Virtualization::full);
    EXPECT_EQ(desktop.evidence, (Evidence{"os type hvm", "no paravirtual device"}));
    EXPECT_EQ(desktop.kind, Kind::vm);
    EXPECT_EQ(desktop.acceleration, Acceleration::tcg);
}

TEST(DomainReader, NamesEveryVirtioDeviceOfAHybridMachine) {
    const auto web = machine("kvm-running");
    EXPECT_EQ(web.virtualization, Virtualization::hybrid);
    EXPECT_EQ(web.acceleration, Acceleration::kvm);
    EXPECT_EQ(web.evidence,
              (Evidence{"os type hvm", "disk vda is virtio", "controller scsi is virtio-scsi",
                        "controller 0 is virtio-serial", "interface 52:54:00:12:34:56 is virtio",
                        "channel org.qemu.guest_agent.0 is virtio", "file system srv is virtio",
                        "input keyboard is virtio", "video is virtio", "memory balloon is virtio-non-transitional",
                        "random number generator is virtio-transitional", "vsock is virtio", "iommu is virtio"}));
}

TEST(DomainReader, CountsHyperVEnlightenmentsThatAreOn) {
    const auto windows = machine("qemu-hyperv");
    EXPECT_EQ(windows.virtualization, Virtualization::hybrid);
    EXPECT_EQ(windows.evidence, (Evidence{"os type hvm", "Hyper-V enlightenment relaxed", "Hyper-V enlightenment vapic",
                                          "Hyper-V enlightenment spinlocks", "Hyper-V enlightenment hypervclock"}));
    EXPECT_EQ(machine("qemu-hyperv-off").virtualization, Virtualization::full);
}

TEST(DomainReader, CountsHyperVPassthrough) {
    const auto windows = read_domain(
        "<domain type='kvm'><uuid>6ba7b811-9dad-11d1-80b4-00c04fd430c8</uuid><os><type>hvm"
        "</type></os><features><hyperv mode='passthrough'/></features></domain>");
    EXPECT_EQ(windows.virtualization, Virtualization::hybrid);
    EXPECT_TRUE(has(windows.evidence, "Hyper-V enlightenments as the host has them"));
}

TEST(DomainReader, TellsTheKindsOfXenGuestsApart) {
    EXPECT_EQ(machine("xen-pv").virtualization, Virtualization::para);
    EXPECT_EQ(machine("xen-domain-0").virtualization, Virtualization::para);
    EXPECT_EQ(machine("xen-pvh").virtualization, Virtualization::hybrid);
    EXPECT_EQ(machine("xen-hvm").virtualization, Virtualization::full);
    const auto pvhvm = machine("xen-hvm-with-pv-drivers");
    EXPECT_EQ(pvhvm.virtualization, Virtualization::hybrid);
    EXPECT_EQ(pvhvm.evidence,
              (Evidence{"os type hvm", "disk xvda is Xen PV", "interface 00:16:3e:00:00:03 is Xen PV"}));
    EXPECT_EQ(pvhvm.acceleration, Acceleration::xen);
}

TEST(DomainReader, CallsWhatRunsAProgramAContainer) {
    const auto box = machine("lxc");
    EXPECT_EQ(box.kind, Kind::container);
    EXPECT_EQ(box.virtualization, Virtualization::container);
    EXPECT_EQ(box.evidence, Evidence{"os type exe"});
    EXPECT_EQ(box.acceleration, Acceleration::native);
    EXPECT_EQ(box.firmware, "");
    EXPECT_EQ(box.agent, AgentState::none);
    EXPECT_EQ(box.root, "/var/lib/machines/box");
    EXPECT_EQ(box.init, std::vector<std::string>{"/sbin/init"});
}

TEST(DomainReader, ReadsIdentityAndSize) {
    const auto web = machine("kvm-running");
    EXPECT_EQ(web.uuid.text(), "6ba7b810-9dad-11d1-80b4-00c04fd430c8");
    EXPECT_EQ(web.name, "web");
    EXPECT_EQ(web.title, "Web server");
    EXPECT_EQ(web.description, "Serves the pages.\nSecond line, with ü and <tags>.");
    EXPECT_EQ(web.arch, "x86_64");
    EXPECT_EQ(web.machine_type, "pc-q35-7.2");
    EXPECT_EQ(web.vcpus, 2U);
    EXPECT_EQ(web.maximum_vcpus, 8U);
    EXPECT_EQ(web.memory, std::uint64_t{2} << 30);
    EXPECT_EQ(web.maximum_memory, std::uint64_t{4} << 30);
    EXPECT_EQ(machine("qemu-hyperv").memory, std::uint64_t{4} << 30) << "without a balloon it is the maximum";
    EXPECT_EQ(machine("foreign-metadata").memory, std::uint64_t{2} << 30) << "the unit counts";
}

TEST(DomainReader, ReadsFirmware) {
    EXPECT_EQ(machine("kvm-running").firmware, "efi");
    EXPECT_EQ(machine("qemu-full").firmware, "bios");
    EXPECT_EQ(machine("xen-hvm").firmware, "bios");
    EXPECT_EQ(machine("xen-pv").firmware, "");
    EXPECT_EQ(machine("xen-pvh").firmware, "");
    EXPECT_EQ(machine("foreign-metadata").firmware, "") << "other architectures have others";
}

TEST(DomainReader, ReadsDisksOfAllSources) {
    const auto disks = machine("disks").disks;
    ASSERT_EQ(disks.size(), 8U);
    const Disk file{.target = "vda",
                    .bus = "virtio",
                    .device = "disk",
                    .format = "qcow2",
                    .file = "/images/a.qcow2",
                    .shareable = true};
    const Disk block{.target = "sda", .bus = "scsi", .device = "lun", .format = "raw", .block = "/dev/sdb"};
    const Disk dir{
        .target = "fda", .bus = "fdc", .device = "floppy", .format = "fat", .dir = "/srv/floppy", .readonly = true};
    const Disk volume{
        .target = "vdb", .bus = "virtio", .device = "disk", .format = "raw", .pool = "default", .volume = "b.img"};
    const Disk network{
        .target = "vdc", .bus = "virtio", .device = "disk", .format = "raw", .protocol = "rbd", .name = "pool/image"};
    const Disk nvme{.target = "vdd", .bus = "virtio", .device = "disk", .format = "raw"};
    const Disk vhost_user{.target = "vde", .bus = "virtio", .device = "disk", .format = "raw"};
    const Disk empty{.target = "sdb", .bus = "scsi", .device = "cdrom", .format = "raw", .readonly = true};
    EXPECT_EQ(disks, (std::vector<Disk>{file, block, dir, volume, network, nvme, vhost_user, empty}));
}

TEST(DomainReader, ReadsInterfaces) {
    const Interface network{"52:54:00:12:34:56", "network", "virtio", "default", "virbr0", "vnet3"};
    const Interface bridge{"52:54:00:12:34:57", "bridge", "e1000e", "", "br0", "vnet4"};
    EXPECT_EQ(machine("kvm-running").interfaces, (std::vector<Interface>{network, bridge}));
}

TEST(DomainReader, ReadsGraphicsAndWhereTheyListenNow) {
    const Graphics vnc{"vnc", "address", "127.0.0.1", 5903};
    const Graphics spice{"spice", "none", "", 0};
    const Graphics headless{"egl-headless", "none", "", 0};
    EXPECT_EQ(machine("kvm-running").graphics, (std::vector<Graphics>{vnc, spice, headless}));

    auto off = read_text("domains/kvm-running.xml");
    off.erase(off.find(" id='7'"), 7);
    EXPECT_EQ(read_domain(off).graphics.front(), (Graphics{"vnc", "address", "", 0}))
        << "nobody listens while it is off";
}

TEST(DomainReader, ReadsTheAgentChannel) {
    auto xml = read_text("domains/kvm-running.xml");
    EXPECT_EQ(read_domain(xml).agent, AgentState::connected);
    xml.erase(xml.find(" state='connected'"), 18);
    EXPECT_EQ(read_domain(xml).agent, AgentState::disconnected);
    EXPECT_EQ(machine("qemu-full").agent, AgentState::none);
}

TEST(DomainReader, ReadsTheMachineIdOfTheKernelCommandLineAsSystemdDoes) {
    const std::string id = "0123456789abcdef0123456789abcdef";
    const auto read = [](const std::string& line) {
        const std::string uuid = "<uuid>aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee</uuid>";
        const auto found = read_domain("<domain>" + uuid + "<os><cmdline>" + line + "</cmdline></os></domain>");
        return found.kernel_machine_id;
    };
    for (const auto& line : {"quiet systemd.machine_id=" + id, "&quot;systemd.machine_id=" + id + "&quot; quiet",
                             "systemd.machine_id=&quot;" + id + "&quot;", "'systemd.machine-id'=" + id})
        EXPECT_EQ(read(line).id, MachineId::parse(id)) << line;
    EXPECT_TRUE(read("systemd.machine_id=&quot;firmware&quot;").firmware);
    EXPECT_FALSE(read("x=&quot;systemd.machine_id=" + id + " &quot;").is_set());
    EXPECT_FALSE(read("").is_set());
}

TEST(DomainReader, ReadsWhatItsMetadataSay) {
    const auto web = machine("kvm-running");
    EXPECT_EQ(web.operating_system, "http://debian.org/debian/12");
    EXPECT_EQ(web.tags, (std::vector<std::string>{"production", "web"}));
    EXPECT_EQ(web.owner, 1000U);
}

TEST(DomainReader, FindsMetadataByTheNamespaceNotByThePrefix) {
    const auto meta = machine("foreign-metadata");
    EXPECT_EQ(meta.tags, std::vector<std::string>{"plain"});
    EXPECT_EQ(meta.owner, no_owner);
    EXPECT_EQ(meta.operating_system, "");
}

TEST(DomainReader, DigestsDefinitionsThatDifferDifferently) {
    const auto xml = read_text("domains/qemu-full.xml");
    EXPECT_EQ(definition_digest(xml), definition_digest(xml));
    EXPECT_NE(definition_digest(xml), definition_digest(xml + " "));
    EXPECT_EQ(definition_digest("a"), 0xaf63dc4c8601ec8cU) << "FNV-1a, as published";
}

}  // namespace

}  // namespace virtbus::test
