// SPDX-License-Identifier: LGPL-2.1-or-later
// CreateMachine on a real hypervisor: what the defaults become, and what is refused before libvirt hears of it.
#include "guest_test.h"

#include <algorithm>

namespace virtbus::test {

using SpecTest = GuestTest;

TEST_F(SpecTest, TheHypervisorSaysWhatItIs) {
    const auto hypervisor = actor.hypervisor(hypervisor_path);
    EXPECT_EQ(hypervisor->Driver(), "qemu");
    const auto accelerations = hypervisor->Accelerations();
    EXPECT_NE(std::find(accelerations.begin(), accelerations.end(), "tcg"), accelerations.end());
    const bool kvm = std::find(accelerations.begin(), accelerations.end(), "kvm") != accelerations.end();
    EXPECT_EQ(hypervisor->Type(), kvm ? "type-1+2" : "type-2");
    EXPECT_EQ(hypervisor->GuestTypes(), (std::vector<std::string>{"full", "hybrid"}));
    EXPECT_GT(hypervisor->Cpus(), 0U);
    EXPECT_GT(hypervisor->Memory(), std::uint64_t{1} << 28);
    EXPECT_EQ(hypervisor->LibvirtVersion().substr(0, 1), "9");
}

TEST_F(SpecTest, TheDefaultsAreSensible) {
    const auto path = create({{"name", "defaults"}});
    EXPECT_EQ(get<std::string>(path, "Kind"), "vm");
    EXPECT_EQ(get<std::string>(path, "Virtualization"), "hybrid");
    const auto evidence = get<std::vector<std::string>>(path, "VirtualizationEvidence");
    EXPECT_EQ(evidence.front(), "os type hvm");
    EXPECT_GT(evidence.size(), 1U);
    EXPECT_EQ(get<std::uint64_t>(path, "Memory"), std::uint64_t{1} << 30);
    EXPECT_EQ(get<std::uint32_t>(path, "Vcpus"), 1U);
    EXPECT_EQ(machine(path)->Agent(), "disconnected");
    EXPECT_EQ(machine(path)->Firmware(), "bios");
    EXPECT_NE(machine(path)->MachineType().find("q35"), std::string::npos);
    EXPECT_EQ(get<std::uint32_t>(path, "Owner"), static_cast<std::uint32_t>(::getuid()));
    const auto interfaces = get<std::vector<VariantMap>>(path, "Interfaces");
    ASSERT_EQ(interfaces.size(), 1U);
    EXPECT_EQ(interfaces[0].at("type").get<std::string>(), "user");
    EXPECT_EQ(interfaces[0].at("model").get<std::string>(), "virtio");
}

TEST_F(SpecTest, AMachineWithNothingParavirtualIsFull) {
    auto spec = guest_spec();
    spec["guest_agent"] = false;
    spec["rng"] = false;
    spec["disks"] = std::vector<VariantMap>{{{"device", "cdrom"}, {"bus", "sata"}}};
    const auto path = create(spec);
    const auto [xml, generation] = machine(path)->GetXml({});
    auto plain = xml;
    const auto balloon = plain.find("<memballoon");
    ASSERT_NE(balloon, std::string::npos);
    plain.replace(balloon, plain.find("</memballoon>") + 13 - balloon, "<memballoon model='none'/>");
    machine(path)->DefineXml(plain, {});
    EXPECT_EQ(get<std::string>(path, "Virtualization"), "full")
        << testing::PrintToString(get<std::vector<std::string>>(path, "VirtualizationEvidence"));
    EXPECT_EQ(get<std::vector<std::string>>(path, "VirtualizationEvidence"),
              (std::vector<std::string>{"os type hvm", "no paravirtual device"}));
}

TEST_F(SpecTest, AMachineIsCreatedAndStartedInOneCall) {
    auto spec = guest_spec();
    spec["start"] = true;
    spec["tags"] = std::vector<std::string>{"web"};
    const auto path = create(spec);
    EXPECT_EQ(state(path), "running");
    EXPECT_EQ(actor.manager()->ListMachines({{"tag", "web"}, {"state", "running"}}).size(), 1U);
}

TEST_F(SpecTest, WhenTheStartFailsNothingStays) {
    auto spec = guest_spec();
    spec["start"] = true;
    spec["kernel"] = std::string("/dev/null");
    spec["name"] = std::string("cannot-start");
    const auto failure = failure_of([&] { create(spec); });
    EXPECT_EQ(failure.name, "org.virtbus1.Error.Failed") << failure;
    const auto missing = failure_of([&] { actor.manager()->GetMachine("cannot-start", {}); });
    EXPECT_EQ(missing.name, "org.virtbus1.Error.NoSuchMachine") << missing;
}

TEST_F(SpecTest, ANameIsTakenOnce) {
    const auto spec = guest_spec();
    create(spec);
    const auto failure = failure_of([&] { create(spec); });
    EXPECT_EQ(failure.name, "org.virtbus1.Error.AlreadyExists") << failure;
}

TEST_F(SpecTest, BadSpecsAreRefusedByKey) {
    const auto refused = [&](const std::string& key, const sdbus::Variant& value) {
        auto spec = guest_spec();
        spec[key] = value;
        const auto failure = failure_of([&] { create(spec); });
        EXPECT_EQ(failure.name, "org.freedesktop.DBus.Error.InvalidArgs") << key << " " << failure;
        EXPECT_EQ(failure.message.substr(0, key.size()), key);
    };
    refused("nmae", std::string("typo"));
    refused("name", std::string("line\nbreak"));
    refused("name", std::string(10'000, 'x'));
    refused("name", std::string("a/b"));
    refused("name", std::uint32_t{7});
    refused("memory", std::uint64_t{1} << 60);
    refused("memory", std::uint64_t{0});
    refused("memory", std::string("1G"));
    refused("vcpus", std::uint32_t{0});
    refused("vcpus", std::uint32_t{100'000});
    refused("acceleration", std::string("warp"));
    refused("uuid", std::string("not-a-uuid"));
    refused("disks", std::string("vda"));
    refused("kernel", std::string("relative/path"));
}

TEST_F(SpecTest, HostileXmlIsRefusedAndTheDaemonGoesOn) {
    const auto hypervisor = actor.hypervisor(hypervisor_path);
    std::string bomb = "<!DOCTYPE d [<!ENTITY a \"aaaaaaaaaa\">";
    for (char c = 'b'; c < 'j'; ++c) {
        bomb += std::string("<!ENTITY ") + c + " \"";
        for (int i = 0; i < 10; ++i) bomb += std::string("&") + static_cast<char>(c - 1) + ";";
        bomb += "\">";
    }
    bomb += "]><domain type='qemu'><name>&i;</name></domain>";
    for (const auto& xml : {std::string(), std::string("<domain"), std::string("<domain type='qemu'/>"), bomb,
                            std::string("<domain>") + std::string(1'000'000, 'x')}) {
        const auto failure = failure_of([&] { hypervisor->DefineXml(xml, {}); });
        EXPECT_EQ(failure.name, "org.virtbus1.Error.InvalidXml") << failure << " for " << xml.substr(0, 60);
    }
    EXPECT_TRUE(hypervisor->Connected());
}

}  // namespace virtbus::test
