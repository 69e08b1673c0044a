// SPDX-License-Identifier: LGPL-2.1-or-later
// Each rule for a new machine: what breaks it is refused as invalid_args, and the text begins with the key.
#include "model/machine_spec.h"

#include "base/utf8.h"
#include "model/allowed_files.h"
#include "support/errors.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <functional>

namespace virtbus {
namespace {

using std::string_literals::operator""s;

MachineSpec good_spec() {
    MachineSpec spec;
    spec.name = "web";
    return spec;
}

DiskSpec pool_disk() {
    DiskSpec disk;
    disk.pool = "default";
    disk.volume = "web.qcow2";
    return disk;
}

DiskSpec file_disk(const std::string& file) {
    DiskSpec disk;
    disk.file = file;
    disk.format = "qcow2";
    return disk;
}

InterfaceSpec network_interface() {
    InterfaceSpec interface;
    interface.type = "network";
    interface.network = "default";
    return interface;
}

test::Outcome outcome_of(const MachineSpec& spec) {
    return test::outcome_of([&] {
        validate(spec);
        check_files(spec, AllowedFiles::everything());
    });
}

struct Case {
    std::string name;
    std::string key;  ///< what the refusal begins with; empty: it is taken
    std::function<void(MachineSpec&)> spoil;
};

void PrintTo(const Case& given, std::ostream* stream) { *stream << given.name; }

class MachineSpecRule : public testing::TestWithParam<Case> {};

TEST_P(MachineSpecRule, Holds) {
    auto spec = good_spec();
    GetParam().spoil(spec);
    const auto outcome = outcome_of(spec);
    if (GetParam().key.empty()) {
        EXPECT_FALSE(outcome.failed) << outcome;
        return;
    }
    EXPECT_TRUE(test::refuses(outcome, Code::invalid_args, GetParam().key + ": ")) << outcome;
    EXPECT_LT(outcome.text.size(), 5'000U) << "an error names what is wrong, it does not repeat it";
    EXPECT_TRUE(is_utf8(outcome.text)) << testing::PrintToString(outcome.text);
}

std::string name_of(const testing::TestParamInfo<Case>& info) { return info.param.name; }

INSTANTIATE_TEST_SUITE_P(
    Name, MachineSpecRule,
    testing::Values(Case{"Defaults", "", [](MachineSpec&) {}},
                    Case{"Empty", "name", [](MachineSpec& s) { s.name = ""; }},
                    Case{"Hundred", "", [](MachineSpec& s) { s.name = std::string(100, 'n'); }},
                    Case{"HundredAndOne", "name", [](MachineSpec& s) { s.name = std::string(101, 'n'); }},
                    Case{"TenKilobytes", "name", [](MachineSpec& s) { s.name = std::string(10'000, 'n'); }},
                    Case{"HundredBytesOfUmlauts", "name",
                         [](MachineSpec& s) {
                             for (int i = 0; i < 51; ++i) s.name += "ü";
                         }},
                    Case{"Newline", "name", [](MachineSpec& s) { s.name = "we\nb"; }},
                    Case{"Nul", "name", [](MachineSpec& s) { s.name = "we\0b"s; }},
                    Case{"Delete", "name", [](MachineSpec& s) { s.name = "we\x7f"; }},
                    Case{"C1", "name", [](MachineSpec& s) { s.name = "we\u0085"; }},
                    Case{"Latin1", "name", [](MachineSpec& s) { s.name = "caf\xe9"; }},
                    Case{"Surrogate", "name", [](MachineSpec& s) { s.name = "\xed\xa0\x80"; }},
                    Case{"Slash", "name", [](MachineSpec& s) { s.name = "a/b"; }},
                    Case{"Dot", "name", [](MachineSpec& s) { s.name = "."; }},
                    Case{"Dots", "name", [](MachineSpec& s) { s.name = "...."; }},
                    Case{"DotFile", "", [](MachineSpec& s) { s.name = ".web"; }},
                    Case{"Markup", "", [](MachineSpec& s) { s.name = "<a href=\"x\">&amp;'"; }},
                    Case{"OtherScripts", "", [](MachineSpec& s) { s.name = "サーバー ♥"; }}),
    name_of);

INSTANTIATE_TEST_SUITE_P(
    Size, MachineSpecRule,
    testing::Values(Case{"NoMemory", "memory", [](MachineSpec& s) { s.memory = 0; }},
                    Case{"OneMebibyte", "", [](MachineSpec& s) { s.memory = 1 << 20; }},
                    Case{"JustBelowOneMebibyte", "memory", [](MachineSpec& s) { s.memory = (1 << 20) - 1; }},
                    Case{"SixteenTebibytes", "", [](MachineSpec& s) { s.memory = std::uint64_t{1} << 44; }},
                    Case{"JustBeyondSixteenTebibytes", "memory",
                         [](MachineSpec& s) { s.memory = (std::uint64_t{1} << 44) + 1; }},
                    Case{"AllMemoryThereIs", "memory", [](MachineSpec& s) { s.memory = UINT64_MAX; }},
                    Case{"NoVcpu", "vcpus", [](MachineSpec& s) { s.vcpus = 0; }},
                    Case{"ManyVcpus", "", [](MachineSpec& s) { s.vcpus = 4'096; }},
                    Case{"TooManyVcpus", "vcpus", [](MachineSpec& s) { s.vcpus = 4'097; }},
                    Case{"AbsurdVcpus", "vcpus", [](MachineSpec& s) { s.vcpus = UINT32_MAX; }},
                    Case{"MaximumVcpusMore", "", [](MachineSpec& s) { s.maximum_vcpus = 8; }},
                    Case{"MaximumVcpusLess", "maximum_vcpus",
                         [](MachineSpec& s) {
                             s.vcpus = 4;
                             s.maximum_vcpus = 2;
                         }},
                    Case{"MaximumVcpusAbsurd", "maximum_vcpus", [](MachineSpec& s) { s.maximum_vcpus = UINT32_MAX; }}),
    name_of);

INSTANTIATE_TEST_SUITE_P(
    Word, MachineSpecRule,
    testing::Values(Case{"Arch", "", [](MachineSpec& s) { s.arch = "aarch64"; }},
                    Case{"ArchWithMarkup", "arch", [](MachineSpec& s) { s.arch = "x86'/>"; }},
                    Case{"ArchTooLong", "arch", [](MachineSpec& s) { s.arch = std::string(65, 'x'); }},
                    Case{"MachineType", "", [](MachineSpec& s) { s.machine_type = "pc-q35-7.2"; }},
                    Case{"MachineTypeWithSpace", "machine_type", [](MachineSpec& s) { s.machine_type = "q35 "; }},
                    Case{"FirmwareEfi", "", [](MachineSpec& s) { s.firmware = "efi"; }},
                    Case{"FirmwareUnknown", "firmware", [](MachineSpec& s) { s.firmware = "uefi"; }},
                    Case{"FirmwareDirty", "firmware", [](MachineSpec& s) { s.firmware = std::string(10'000, '\xff'); }},
                    Case{"AccelerationTcg", "", [](MachineSpec& s) { s.acceleration = "tcg"; }},
                    Case{"AccelerationEmpty", "acceleration", [](MachineSpec& s) { s.acceleration = ""; }},
                    Case{"AccelerationUnknown", "acceleration", [](MachineSpec& s) { s.acceleration = "hvf"; }},
                    Case{"GraphicsSpice", "", [](MachineSpec& s) { s.graphics = "spice"; }},
                    Case{"GraphicsUnknown", "graphics", [](MachineSpec& s) { s.graphics = "VNC"; }}),
    name_of);

INSTANTIATE_TEST_SUITE_P(
    Text, MachineSpecRule,
    testing::Values(
        Case{"Title", "", [](MachineSpec& s) { s.title = std::string(1'000, 't'); }},
        Case{"TitleTooLong", "title", [](MachineSpec& s) { s.title = std::string(1'001, 't'); }},
        Case{"TitleOfTwoLines", "title", [](MachineSpec& s) { s.title = "one\ntwo"; }},
        Case{"TitleDirty", "title", [](MachineSpec& s) { s.title = "\xff"; }},
        Case{"Description", "", [](MachineSpec& s) { s.description = "one\n\ttwo\n" + std::string(99'000, 'd'); }},
        Case{"DescriptionTooLong", "description", [](MachineSpec& s) { s.description = std::string(100'001, 'd'); }},
        Case{"DescriptionDirty", "description", [](MachineSpec& s) { s.description = "\xc0\x80"; }},
        Case{"DescriptionWithNul", "description", [](MachineSpec& s) { s.description = "a\0b"s; }},
        Case{"DescriptionWithEscape", "description", [](MachineSpec& s) { s.description = "\x1b[31m"; }},
        Case{"DescriptionWithReturn", "description", [](MachineSpec& s) { s.description = "one\r\ntwo"; }},
        Case{"Tags", "",
             [](MachineSpec& s) {
                 s.tags = {"prod", "team:web", "cost=1", "a@b", "x_y-z.0"};
             }},
        Case{"TagEmpty", "tags",
             [](MachineSpec& s) {
                 s.tags = {"prod", ""};
             }},
        Case{"TagWithSpace", "tags", [](MachineSpec& s) { s.tags = {"two words"}; }},
        Case{"TagDirty", "tags", [](MachineSpec& s) { s.tags = {"\xff\xfe"}; }},
        Case{"TagTooLong", "tags", [](MachineSpec& s) { s.tags = {std::string(101, 't')}; }},
        Case{"TagOfTenKilobytes", "tags", [](MachineSpec& s) { s.tags = {std::string(10'000, '\xe9')}; }},
        Case{"TagsTooMany", "tags", [](MachineSpec& s) { s.tags.assign(101, "t"); }}),
    name_of);

INSTANTIATE_TEST_SUITE_P(Boot, MachineSpecRule,
                         testing::Values(Case{"Kernel", "",
                                              [](MachineSpec& s) {
                                                  s.kernel = "/boot/vmlinuz";
                                                  s.initrd = "/boot/initrd";
                                                  s.cmdline = "ro";
                                              }},
                                         Case{"KernelRelative", "kernel", [](MachineSpec& s) { s.kernel = "vmlinuz"; }},
                                         Case{"InitrdRelative", "initrd",
                                              [](MachineSpec& s) {
                                                  s.kernel = "/boot/vmlinuz";
                                                  s.initrd = "initrd";
                                              }},
                                         Case{"InitrdAlone", "initrd",
                                              [](MachineSpec& s) { s.initrd = "/boot/initrd"; }},
                                         Case{"CmdlineAlone", "cmdline", [](MachineSpec& s) { s.cmdline = "ro"; }},
                                         Case{"CmdlineTooLong", "cmdline",
                                              [](MachineSpec& s) {
                                                  s.kernel = "/boot/vmlinuz";
                                                  s.cmdline = std::string(2'049, 'c');
                                              }},
                                         Case{"CmdlineWithNewline", "cmdline",
                                              [](MachineSpec& s) {
                                                  s.kernel = "/boot/vmlinuz";
                                                  s.cmdline = "a\nb";
                                              }}),
                         name_of);

/// Two disks, of which the second is spoilt: the key says so.
Case disk_case(const std::string& name, const std::string& key, const std::function<void(DiskSpec&)>& spoil) {
    return {name, key, [spoil](MachineSpec& spec) {
                spec.disks = {pool_disk(), pool_disk()};
                spoil(spec.disks[1]);
            }};
}

INSTANTIATE_TEST_SUITE_P(
    Disk, MachineSpecRule,
    testing::Values(disk_case("FromPool", "", [](DiskSpec&) {}),
                    disk_case("FromFile", "", [](DiskSpec& d) { d = file_disk("/images/web.qcow2"); }),
                    disk_case("FromFileWithoutFormat", "disks[1].format",
                              [](DiskSpec& d) {
                                  d = file_disk("/a");
                                  d.format = "";
                              }),
                    disk_case("FromRelativeFile", "disks[1].file", [](DiskSpec& d) { d = file_disk("web.qcow2"); }),
                    disk_case("FromFileWithNewline", "disks[1].file", [](DiskSpec& d) { d = file_disk("/a\nb"); }),
                    disk_case("FromBoth", "disks[1]",
                              [](DiskSpec& d) {
                                  d.file = "/a";
                                  d.format = "raw";
                              }),
                    disk_case("FromNothing", "disks[1]", [](DiskSpec& d) { d = DiskSpec(); }),
                    disk_case("EmptyCdrom", "",
                              [](DiskSpec& d) {
                                  d = DiskSpec();
                                  d.device = "cdrom";
                              }),
                    disk_case("VolumeWithoutPool", "disks[1]", [](DiskSpec& d) { d.pool = ""; }),
                    disk_case("PoolWithoutVolume", "disks[1]", [](DiskSpec& d) { d.volume = ""; }),
                    disk_case("PoolTooLong", "disks[1].pool", [](DiskSpec& d) { d.pool = std::string(101, 'p'); }),
                    disk_case("VolumeTooLong", "disks[1].volume",
                              [](DiskSpec& d) { d.volume = std::string(256, 'v'); }),
                    disk_case("VolumeDirty", "disks[1].volume", [](DiskSpec& d) { d.volume = "\xff"; }),
                    disk_case("DeviceUnknown", "disks[1].device", [](DiskSpec& d) { d.device = "floppy"; }),
                    disk_case("BusUnknown", "disks[1].bus", [](DiskSpec& d) { d.bus = "nvme"; }),
                    disk_case("FormatUnknown", "disks[1].format", [](DiskSpec& d) { d.format = "vmdk"; }),
                    Case{"SixtyFour", "", [](MachineSpec& s) { s.disks.assign(64, pool_disk()); }},
                    Case{"TooMany", "disks", [](MachineSpec& s) { s.disks.assign(65, pool_disk()); }}),
    name_of);

Case interface_case(const std::string& name, const std::string& key, const std::function<void(InterfaceSpec&)>& spoil) {
    return {name, key, [spoil](MachineSpec& spec) {
                spec.interfaces.emplace({network_interface(), network_interface()});
                spoil((*spec.interfaces)[1]);
            }};
}

INSTANTIATE_TEST_SUITE_P(
    Interface, MachineSpecRule,
    testing::Values(
        Case{"None", "", [](MachineSpec& s) { s.interfaces.emplace(); }},
        interface_case("Network", "", [](InterfaceSpec&) {}),
        interface_case("User", "",
                       [](InterfaceSpec& i) {
                           i.type = "user";
                           i.network = "";
                       }),
        interface_case("Bridge", "",
                       [](InterfaceSpec& i) {
                           i.type = "bridge";
                           i.network = "";
                           i.bridge = "br0";
                       }),
        interface_case("TypeMissing", "interfaces[1].type", [](InterfaceSpec& i) { i.type = ""; }),
        interface_case("TypeUnknown", "interfaces[1].type", [](InterfaceSpec& i) { i.type = "vhostuser"; }),
        interface_case("NetworkMissing", "interfaces[1].network", [](InterfaceSpec& i) { i.network = ""; }),
        interface_case("NetworkNotWanted", "interfaces[1].network", [](InterfaceSpec& i) { i.type = "user"; }),
        interface_case("NetworkDirty", "interfaces[1].network", [](InterfaceSpec& i) { i.network = "a\x01"; }),
        interface_case("BridgeMissing", "interfaces[1].bridge",
                       [](InterfaceSpec& i) {
                           i.type = "bridge";
                           i.network = "";
                       }),
        interface_case("BridgeNotWanted", "interfaces[1].bridge", [](InterfaceSpec& i) { i.bridge = "br0"; }),
        interface_case("BridgeWithMarkup", "interfaces[1].bridge",
                       [](InterfaceSpec& i) {
                           i.type = "bridge";
                           i.network = "";
                           i.bridge = "br'0";
                       }),
        interface_case("ModelWithMarkup", "interfaces[1].model", [](InterfaceSpec& i) { i.model = "virtio'/>"; }),
        interface_case("Mac", "", [](InterfaceSpec& i) { i.mac = "52:54:00:aB:cD:01"; }),
        interface_case("MacShort", "interfaces[1].mac", [](InterfaceSpec& i) { i.mac = "52:54:00:ab:cd"; }),
        interface_case("MacWithDashes", "interfaces[1].mac", [](InterfaceSpec& i) { i.mac = "52-54-00-ab-cd-01"; }),
        interface_case("MacNotHex", "interfaces[1].mac", [](InterfaceSpec& i) { i.mac = "52:54:00:ab:cd:0g"; }),
        Case{"TooMany", "interfaces", [](MachineSpec& s) { s.interfaces.emplace(65, network_interface()); }}),
    name_of);

TEST(MachineSpec, TagsAreSortedAndEachIsKeptOnce) {
    EXPECT_EQ(check_tags("tags", {"web", "prod", "web", "a"}), (std::vector<std::string>{"a", "prod", "web"}));
    EXPECT_TRUE(check_tags("tags", {}).empty());
}

TEST(MachineSpec, SingleSettingsNameTheKeyThatTheyAreGiven) {
    EXPECT_TRUE(test::refuses(test::outcome_of([] { check_name("new_name", ""); }), Code::invalid_args, "new_name: "));
    EXPECT_TRUE(test::refuses(test::outcome_of([] { check_memory("bytes", 1); }), Code::invalid_args, "bytes: "));
    EXPECT_TRUE(test::refuses(test::outcome_of([] { check_vcpus("maximum", 0); }), Code::invalid_args, "maximum: "));
}

MachineSpec container_spec() {
    MachineSpec spec;
    spec.name = "box";
    spec.root = "/var/lib/machines/box";
    spec.given = {"name", "root"};
    return spec;
}

TEST(MachineKind, AContainerTakesItsRootAndItsInit) {
    auto spec = container_spec();
    spec.init = {"/bin/init", "--quiet"};
    spec.interfaces = std::vector{network_interface()};
    spec.given.insert(spec.given.end(), {"init", "interfaces", "memory", "vcpus", "tags", "start"});
    check_kind(spec, Kind::container);
}

TEST(MachineKind, WhatAContainerHasNoUseForIsRefusedByName) {
    for (const auto* key : {"maximum_vcpus", "machine_type", "firmware", "acceleration", "disks", "kernel", "initrd",
                            "cmdline", "serial", "graphics", "guest_agent", "rng", "paused"}) {
        auto spec = container_spec();
        spec.given.emplace_back(key);
        EXPECT_TRUE(test::refuses(test::outcome_of([&] { check_kind(spec, Kind::container); }), Code::invalid_args,
                                  std::string(key) + ": "))
            << key;
    }
}

TEST(MachineKind, AContainerNeedsARoot) {
    auto spec = container_spec();
    spec.root.clear();
    EXPECT_TRUE(
        test::refuses(test::outcome_of([&] { check_kind(spec, Kind::container); }), Code::invalid_args, "root: "));
}

TEST(MachineKind, AContainerHasNoNetworkOfItsUser) {
    auto spec = container_spec();
    spec.interfaces = std::vector<InterfaceSpec>(1);
    spec.interfaces->front().type = "user";
    EXPECT_TRUE(test::refuses(test::outcome_of([&] { check_kind(spec, Kind::container); }), Code::invalid_args,
                              "interfaces: "));
}

TEST(MachineKind, AVirtualMachineHasNeitherRootNorInit) {
    for (const auto* key : {"root", "init"}) {
        auto spec = good_spec();
        spec.given = {"name", key};
        EXPECT_TRUE(test::refuses(test::outcome_of([&] { check_kind(spec, Kind::vm); }), Code::invalid_args,
                                  std::string(key) + ": "))
            << key;
    }
    check_kind(good_spec(), Kind::vm);
}

TEST(MachineKind, TheFirstProcessIsNamedByAnAbsolutePath) {
    const auto outcome = [](std::vector<std::string> init) {
        auto spec = good_spec();
        spec.init = std::move(init);
        return test::outcome_of([&] { validate(spec); });
    };
    EXPECT_FALSE(outcome({"/init"}).failed);
    EXPECT_FALSE(outcome({"/init", "", "an argument"}).failed);
    EXPECT_TRUE(test::refuses(outcome({"init"}), Code::invalid_args, "init: "));
    EXPECT_TRUE(test::refuses(outcome({""}), Code::invalid_args, "init: "));
    EXPECT_TRUE(test::refuses(outcome({"/init", "a\nb"}), Code::invalid_args, "init: "));
    EXPECT_TRUE(test::refuses(outcome(std::vector<std::string>(101, "/init")), Code::invalid_args, "init: "));
}

}  // namespace
}  // namespace virtbus
