// SPDX-License-Identifier: LGPL-2.1-or-later
// What the copy of a definition has of its source, what it has of its own, and what is refused. That libvirt takes such
// a copy is in making_test.cpp.
#include "libvirt/domain_copy.h"

#include "libvirt/domain_reader.h"
#include "support/errors.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <random>

#include "copied_domain.h"

namespace virtbus::test {

namespace {

const char* const source_id = "0123456789abcdef0123456789abcdef";

std::string disk(const std::string& target, const std::string& more = "") {
    return "<disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='/images/" + target +
           ".img'/><target dev='" + target + "' bus='virtio'/>" + more + "</disk>";
}

Outcome outcome_of_copy(const std::string& xml, std::vector<MachineCopy::Image> images = {}) {
    return outcome_of([&] { copy_domain_xml(xml, {"copy", Uuid::random(), std::move(images), no_owner}); });
}

std::string command_line(const std::string& line) {
    pugi::xml_document document;
    document.append_child("domain").append_child("os").append_child("cmdline").text() = line.c_str();
    return Copied(to_text(document)).at("os/cmdline");
}

TEST(DomainCopy, HasItsOwnNameAndUuid) {
    const auto copy = copied_web();
    EXPECT_EQ(copy.at("name"), "web-2");
    EXPECT_EQ(copy.at("uuid"), "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee");
    EXPECT_EQ(copy.at("sysinfo/system/entry[@name='uuid']"), "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee");
    EXPECT_EQ(copy.count("genid"), 1U);
    EXPECT_EQ(copy.at("genid"), "") << "libvirt makes one";
    EXPECT_EQ(copy.text.find("c7a5fdbd"), std::string::npos) << "the source's UUID";
}

TEST(DomainCopy, HasNamesThatNeedEscaping) {
    const Copied copy(definition(""), {"a <b> & 'c' \"d\" ü", Uuid::random(), {}, no_owner});
    EXPECT_EQ(copy.at("name"), "a <b> & 'c' \"d\" ü");
}

TEST(DomainCopy, HasOneNameWhateverTheSourceHas) {
    const Copied copy(
        "<domain id='7'><name>a</name><name>b</name><uuid>x</uuid><uuid>y</uuid><hwuuid>z</hwuuid>"
        "</domain>");
    EXPECT_EQ(copy.at("name"), "copy");
    EXPECT_EQ(copy.count("uuid"), 1U);
    EXPECT_EQ(copy.count("@id"), 0U);
    EXPECT_EQ(copy.count("hwuuid"), 0U);
}

TEST(DomainCopy, KeepsWhatTheMachineIs) {
    const auto before = read_domain(read_text("domains/copy-full.xml"));
    const auto after = read_domain(copied_web().text);
    EXPECT_EQ(after.title, "Web server");
    EXPECT_EQ(after.description, "Serves <the> web & more");
    EXPECT_EQ(after.tags, (std::vector<std::string>{"production", "web"}));
    EXPECT_EQ(after.operating_system, "http://debian.org/debian/12");
    EXPECT_EQ(after.machine_type, before.machine_type);
    EXPECT_EQ(after.memory, before.memory);
    EXPECT_EQ(after.vcpus, before.vcpus);
    EXPECT_EQ(after.firmware, "efi");
    EXPECT_EQ(copied_web().at("sysinfo/system/entry[@name='serial']"), "WEB-0001");
    EXPECT_EQ(copied_web().at("sysinfo/entry[@name='opt/com.example/name']"), "example value");
}

TEST(DomainCopy, BelongsToItsOwner) {
    EXPECT_EQ(read_domain(copied_web().text).owner, 1'000U);
    auto nobodys = web_copy();
    nobodys.owner = no_owner;
    const auto machine = read_domain(copy_domain_xml(read_text("domains/copy-full.xml"), nobodys));
    EXPECT_EQ(machine.owner, no_owner);
    EXPECT_EQ(machine.tags.size(), 2U);
    const Copied first(definition(""), {"copy", Uuid::random(), {}, 0});
    EXPECT_EQ(read_domain(first.text).owner, 0U) << "where the source has no metadata";
}

TEST(DomainCopy, HasTheMetadataOfOthersButOfOursTheTagsAlone) {
    EXPECT_EQ(copied_web().text.find("of the source alone"), std::string::npos);
    const Copied foreign(read_text("domains/foreign-metadata.xml"), {"copy", Uuid::random(), {}, 5});
    EXPECT_EQ(foreign.at("metadata/*[namespace-uri()='https://example.org/somebody-else']/@owner"), "1");
    EXPECT_NE(foreign.text.find("not-ours"), std::string::npos);
    EXPECT_EQ(foreign.text.find("kept for later"), std::string::npos);
    const auto machine = read_domain(foreign.text);
    EXPECT_EQ(machine.tags, std::vector<std::string>{"plain"});
    EXPECT_EQ(machine.owner, 5U);
}

TEST(DomainCopy, HasItsOwnFirmwareVariables) {
    EXPECT_EQ(copied_web().at("os/nvram"), "");
    EXPECT_EQ(copied_web().at("os/nvram/@template"), "/usr/share/OVMF/OVMF_VARS_4M.fd");
    const Copied plain(definition("", "<os><nvram>/var/src_VARS.fd</nvram></os>"));
    EXPECT_EQ(plain.count("os/nvram"), 0U);
    const Copied file(definition("", "<os><nvram type='file' template='/t'><source file='/var/src.fd'/></nvram></os>"));
    EXPECT_EQ(file.count("os/nvram/@*"), 1U);
    EXPECT_EQ(file.count("os/nvram/node()"), 0U);
}

TEST(DomainCopy, KeepsNoLabelThatLibvirtChose) {
    EXPECT_EQ(copied_web().at("seclabel/@type"), "static");
    const Copied copy(definition("",
                                 "<seclabel type='dynamic' model='selinux'><label>a</label>"
                                 "<imagelabel>b</imagelabel><baselabel>c</baselabel></seclabel>"
                                 "<seclabel type='none'/>"));
    EXPECT_EQ(copy.at("seclabel/@type"), "dynamic none");
    EXPECT_EQ(copy.at("seclabel/*"), "c");
}

TEST(DomainCopy, StandsOnItsImages) {
    const auto machine = read_domain(copied_web().text);
    ASSERT_EQ(machine.disks.size(), 6U);
    for (const auto& image : web_copy().images) {
        const auto disk = std::find_if(machine.disks.begin(), machine.disks.end(),
                                       [&](const Disk& each) { return each.target == image.target; });
        ASSERT_NE(disk, machine.disks.end()) << image.target;
        EXPECT_EQ(disk->file, image.path);
        EXPECT_EQ(disk->format, image.format);
        EXPECT_EQ(disk->block + disk->pool + disk->volume, "");
    }
    const auto copy = copied_web();
    EXPECT_EQ(copy.count("devices/disk[target/@dev='sda']/source/@*"), 1U) << "nothing of the pool";
    EXPECT_EQ(copy.count("devices/disk[target/@dev='vdb']/backingStore"), 0U);
    EXPECT_EQ(copy.at("devices/disk[target/@dev='vda']/driver/@cache"), "none");
}

TEST(DomainCopy, HasTheSerialNumbersThatItsGuestKnowsDisksBy) {
    const auto copy = copied_web();
    EXPECT_EQ(copy.at("devices/disk[target/@dev='vda']/serial"), "WEB-DISK-1");
    EXPECT_EQ(copy.at("devices/disk[target/@dev='sda']/wwn"), "5000c50015ea71ac");
    EXPECT_EQ(copy.at("devices/disk[target/@dev='vda']/address/@bus"), "0x04");
    EXPECT_EQ(copy.at("devices/disk[target/@dev='vda']/boot/@order"), "1");
}

TEST(DomainCopy, SharesWhatCanBeShared) {
    const auto machine = read_domain(copied_web().text);
    std::vector<std::string> shared;
    for (const auto& disk : machine.disks)
        if (disk.readonly || disk.shareable) shared.push_back(disk.target + "=" + disk.file);
    EXPECT_EQ(shared, (std::vector<std::string>{"vdc=/var/lib/libvirt/images/cluster.img",
                                                "vdd=/var/lib/libvirt/images/reference.img",
                                                "sdb=/var/lib/libvirt/images/debian-12.iso"}));
    EXPECT_FALSE(outcome_of_copy(definition("<disk type='file' device='floppy'><target dev='fda'/></disk>")).failed);
}

TEST(DomainCopy, NeverWritesToADiskOfItsSource) {
    const auto disks = disk("vda") + disk("vdb") + disk("vdc") + disk("vdd", "<readonly/>");
    const auto outcome = outcome_of_copy(definition(disks), {{"vdb", "/images/b", "raw"}});
    EXPECT_TRUE(refuses(outcome, Code::invalid_state, "Cannot clone src: ")) << outcome;
    EXPECT_NE(outcome.text.find(" disk vda, disk vdc too;"), std::string::npos) << outcome.text;
    EXPECT_TRUE(refuses(outcome_of_copy(definition("<disk type='network'><source protocol='rbd' name='p/i'/>"
                                                   "<target dev='vda'/></disk>")),
                        Code::invalid_state));
    EXPECT_TRUE(refuses(outcome_of_copy(definition("<disk type='block' device='lun'><source dev='/dev/sda'/>"
                                                   "<target dev='sda'/></disk>")),
                        Code::invalid_state));
}

TEST(DomainCopy, NeverWritesToOtherStorageOfItsSource) {
    const std::string nvdimm = "<memory model='nvdimm'><source><path>/pmem</path></source><target>{}</target></memory>";
    EXPECT_TRUE(refuses(outcome_of_copy(definition(fmt::format(fmt::runtime(nvdimm), ""))), Code::invalid_state));
    EXPECT_FALSE(outcome_of_copy(definition(fmt::format(fmt::runtime(nvdimm), "<readonly/>"))).failed);
    const std::string root = "<filesystem type='mount'><source dir='/srv/c'/><target dir='/'/>{}</filesystem>";
    EXPECT_TRUE(refuses(outcome_of_copy(definition(fmt::format(fmt::runtime(root), ""))), Code::invalid_state));
    EXPECT_FALSE(outcome_of_copy(definition(fmt::format(fmt::runtime(root), "<readonly/>"))).failed);
    EXPECT_TRUE(refuses(outcome_of_copy(read_text("domains/lxc.xml")), Code::invalid_state));
}

TEST(DomainCopy, NamesTheFirstOfManyDisks) {
    std::string disks;
    for (int i = 0; i < 5'000; ++i) disks += disk(fmt::format("vd{}", i));
    const auto outcome = outcome_of_copy(definition(disks));
    EXPECT_TRUE(refuses(outcome, Code::invalid_state)) << outcome;
    EXPECT_NE(outcome.text.find("disk vd19 and 4980 more"), std::string::npos) << outcome.text;
}

TEST(DomainCopy, GivesEachImageADiskOfItsOwn) {
    EXPECT_TRUE(refuses(outcome_of_copy(definition(disk("vda")), {{"vda", "/a", "raw"}, {"vdz", "/z", "raw"}}),
                        Code::invalid_args, "Cannot clone src: it has no disk vdz"));
    EXPECT_TRUE(refuses(outcome_of_copy(definition(disk("vda")), {{"vda", "/a", "raw"}, {"vda", "/b", "raw"}}),
                        Code::invalid_args));
    EXPECT_TRUE(
        refuses(outcome_of_copy(definition(disk("vda") + disk("vda")), {{"vda", "/a", "raw"}}), Code::invalid_xml));
}

TEST(DomainCopy, TakesNothingOfTheOldSourceButTheKey) {
    const std::string xml = definition(
        "<disk type='network' device='lun' sgio='unfiltered' rawio='yes'>"
        "<source protocol='rbd' name='pool/image' index='3'><host name='ceph'/><privateData><x/></privateData>"
        "<reservations managed='yes'/><encryption format='luks'><secret type='passphrase' usage='k'/></encryption>"
        "</source><backingStore type='file'><format type='raw'/><source file='/base'/></backingStore>"
        "<auth username='u'/><target dev='vda' bus='scsi'/></disk>");
    const Copied copy(xml, {"copy", Uuid::random(), {{"vda", "/a&b", "qcow2"}}, no_owner});
    EXPECT_EQ(copy.at("devices/disk/@*"), "file disk");
    EXPECT_EQ(copy.at("devices/disk/driver/@*"), "qcow2");
    EXPECT_EQ(copy.at("devices/disk/source/@*"), "/a&b");
    EXPECT_EQ(copy.count("devices/disk/source"), 1U);
    EXPECT_EQ(copy.count("devices/disk/source/*"), 1U);
    EXPECT_EQ(copy.at("devices/disk/source/encryption/secret/@usage"), "k");
    EXPECT_EQ(copy.count("devices/disk/*"), 3U) << "driver, source and target";
}

TEST(DomainCopy, OfXenStandsOnFiles) {
    const Copied copy(definition("<disk type='block'><driver name='phy' type='raw'/><source dev='/dev/x'/>"
                                 "<target dev='xvda'/></disk>"),
                      {"copy", Uuid::random(), {{"xvda", "/a", "raw"}}, no_owner});
    EXPECT_EQ(copy.at("devices/disk/driver/@name"), "qemu");
}

TEST(DomainCopy, HasNoDisksWhereTheSourceHasNone) {
    EXPECT_FALSE(outcome_of_copy(definition("")).failed);
    EXPECT_FALSE(outcome_of_copy("<domain/>").failed);
}

TEST(DomainCopy, GivesItsGuestNoMachineId) {
    const auto copy = copied_web();
    EXPECT_EQ(copy.text.find(source_id), std::string::npos);
    EXPECT_EQ(copy.at("os/cmdline"), "root=/dev/vda1 console=ttyS0");
    EXPECT_EQ(copy.at("sysinfo/oemStrings/entry"),
              "io.systemd.credential:vmm.notify_socket=vsock-stream:2:9999 "
              "io.systemd.stub.kernel-cmdline-extra=quiet");
}

TEST(DomainCopy, ReadsTheCommandLineAsSystemdDoes) {
    EXPECT_EQ(command_line("systemd.machine_id=1 quiet"), "quiet");
    EXPECT_EQ(command_line("quiet  systemd.machine_id=1"), "quiet");
    EXPECT_EQ(command_line("a systemd.machine_id=1 b systemd.machine-id=firmware c"), "a b c");
    EXPECT_EQ(command_line("a \"systemd.machine_id=1\" 'systemd.machine_id'=2 systemd.machine_id=\"3 4\" b"), "a b");
    EXPECT_EQ(command_line("systemd.set_credential=system.machine_id:1 systemd.set_credential=other:1"),
              "systemd.set_credential=other:1");
    EXPECT_EQ(command_line("systemd.machine_id=1"), "");
    const std::string many(100'000, 'x');
    const auto longest =
        copy_domain_xml(definition("", "<os><cmdline>" + many + " systemd.machine_id=1</cmdline></os>"), {});
    EXPECT_NE(longest.find("<cmdline>" + many + "</cmdline>"), std::string::npos);
}

TEST(DomainCopy, LeavesEveryOtherCommandLineAsItIs) {
    for (const std::string line :
         {"  a  b ", "x=\"systemd.machine_id=1 in quotes\"", "xsystemd.machine_id=1", "rd.systemd.machine_id=1",
          "systemd.machine_idx=1", "systemd.machine_id", "it's \"open"})
        EXPECT_EQ(command_line(line), line);
}

TEST(DomainCopy, OfWhatIsNoDomainIsRefused) {
    EXPECT_TRUE(refuses(outcome_of_copy(""), Code::invalid_xml));
    EXPECT_TRUE(refuses(outcome_of_copy("<network/>"), Code::invalid_xml));
    EXPECT_TRUE(refuses(outcome_of_copy("<!DOCTYPE domain [<!ENTITY n 'x'>]><domain>&n;</domain>"), Code::invalid_xml));
}

TEST(DomainCopy, OfAHugeDefinitionEndsSoon) {
    std::string xml = "<domain><name>x</name>";
    while (xml.size() < std::size_t{3} << 20) xml += "<a/><genid/><sysinfo/><seclabel/>";
    const auto start = std::chrono::steady_clock::now();
    const Copied copy(xml + "</domain>");
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20)) << "not in quadratic time";
    EXPECT_EQ(copy.at("name"), "copy");
}

TEST(DomainCopy, OfAnythingIsACopyOrRefused) {
    std::mt19937 random(2);  // the same every time
    const auto original = read_text("domains/copy-full.xml");
    int copies = 0;
    for (int round = 0; round < 2'000; ++round) {
        auto xml = original;
        for (int change = 0; change < 1 + round % 5; ++change) {
            const auto at = random() % xml.size();
            switch (random() % 3) {
                case 0: xml[at] = static_cast<char>(random()); break;
                case 1: xml.erase(at, random() % 40); break;
                default: xml.insert(at, xml.substr(random() % xml.size(), random() % 200)); break;
            }
        }
        std::string copied;
        const auto outcome = outcome_of([&] { copied = copy_domain_xml(xml, web_copy()); });
        if (outcome.failed) {
            EXPECT_TRUE(outcome.is_ours) << outcome;
            continue;
        }
        ++copies;
        const auto machine = read_domain(copied);
        EXPECT_EQ(machine.name, "web-2");
        EXPECT_EQ(machine.uuid, web_copy().uuid);
        EXPECT_EQ(machine.owner, 1'000U);
    }
    EXPECT_GT(copies, 100) << "most changes must not be refused by the parser alone";
}

}  // namespace

}  // namespace virtbus::test
