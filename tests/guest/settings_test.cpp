// SPDX-License-Identifier: LGPL-2.1-or-later
// Settings of real machines: the property is new when the reply arrives, and the definition keeps it.
#include "guest_test.h"

#include <fmt/format.h>

namespace virtbus::test {

using SettingsTest = GuestTest;

constexpr std::uint64_t mebibyte = std::uint64_t{1} << 20;

TEST_F(SettingsTest, TextsAreSetWhileItRunsAndKept) {
    const auto path = create();
    machine(path)->Start({});
    machine(path)->SetTitle("A title with <angles> & \"quotes\"", {});
    EXPECT_EQ(get<std::string>(path, "Title"), "A title with <angles> & \"quotes\"");
    machine(path)->SetDescription("Two\nlines", {});
    EXPECT_EQ(get<std::string>(path, "Description"), "Two\nlines");
    machine(path)->SetTags({"web", "db", "web"}, {});
    EXPECT_EQ(get<std::vector<std::string>>(path, "Tags"), (std::vector<std::string>{"db", "web"}));
    machine(path)->PowerOff({});
    EXPECT_EQ(get<std::string>(path, "Title"), "A title with <angles> & \"quotes\"");
    EXPECT_EQ(get<std::string>(path, "Description"), "Two\nlines");
    EXPECT_EQ(get<std::vector<std::string>>(path, "Tags"), (std::vector<std::string>{"db", "web"}));
    machine(path)->SetTitle("", {});
    EXPECT_EQ(get<std::string>(path, "Title"), "");
}

TEST_F(SettingsTest, AMachineThatIsOffGetsMemoryAndCpus) {
    const auto path = create();
    machine(path)->SetMemory(256 * mebibyte, {});
    EXPECT_EQ(get<std::uint64_t>(path, "Memory"), 256 * mebibyte);
    EXPECT_EQ(get<std::uint64_t>(path, "MaximumMemory"), 256 * mebibyte);
    machine(path)->SetMemory(128 * mebibyte, {{"maximum", 192 * mebibyte}});
    EXPECT_EQ(get<std::uint64_t>(path, "Memory"), 128 * mebibyte);
    EXPECT_EQ(get<std::uint64_t>(path, "MaximumMemory"), 192 * mebibyte);
    machine(path)->SetVcpus(1, {{"maximum", std::uint32_t{3}}});
    EXPECT_EQ(get<std::uint32_t>(path, "Vcpus"), 1U);
    EXPECT_EQ(get<std::uint32_t>(path, "MaximumVcpus"), 3U);
    machine(path)->SetVcpus(2, {});
    EXPECT_EQ(get<std::uint32_t>(path, "Vcpus"), 2U);
    EXPECT_EQ(get<std::uint32_t>(path, "MaximumVcpus"), 2U);
}

TEST_F(SettingsTest, ARunningMachineGivesMemoryBackThroughItsBalloon) {
    const auto path = create_ready();
    machine(path)->SetMemory(96 * mebibyte, {});
    EXPECT_TRUE(announced<std::uint64_t>(path, "Memory", 96 * mebibyte));
    EXPECT_EQ(get<std::uint64_t>(path, "MaximumMemory"), 128 * mebibyte);
    const auto failure = failure_of([&] { machine(path)->SetMemory(256 * mebibyte, {}); });
    EXPECT_EQ(failure.name, "org.freedesktop.DBus.Error.InvalidArgs") << failure;
}

TEST_F(SettingsTest, ARunningMachineGetsCpusUpToItsMaximum) {
    auto spec = guest_spec();
    spec["maximum_vcpus"] = std::uint32_t{2};
    const auto path = create_ready(spec);
    EXPECT_EQ(get<std::uint32_t>(path, "Vcpus"), 1U);
    machine(path)->SetVcpus(2, {});
    EXPECT_EQ(get<std::uint32_t>(path, "Vcpus"), 2U);
    const auto failure = failure_of([&] { machine(path)->SetVcpus(3, {}); });
    EXPECT_EQ(failure.name, "org.freedesktop.DBus.Error.InvalidArgs") << failure;
}

TEST_F(SettingsTest, AutostartAndNameAreSet) {
    const auto path = create();
    machine(path)->SetAutostart(true, {});
    EXPECT_TRUE(get<bool>(path, "Autostart"));
    machine(path)->SetAutostart(false, {});
    EXPECT_FALSE(get<bool>(path, "Autostart"));

    const auto name = get<std::string>(path, "Name") + "-renamed";
    machine(path)->Rename(name, {});
    EXPECT_EQ(get<std::string>(path, "Name"), name);
    EXPECT_EQ(actor.manager()->GetMachine(name, {}), path);
    machine(path)->Start({});
    const auto failure = failure_of([&] { machine(path)->Rename("another", {}); });
    EXPECT_EQ(failure.name, "org.virtbus1.Error.InvalidState") << failure;
}

TEST_F(SettingsTest, ADefinitionIsReplacedOnlyByWhoHasReadTheLast) {
    const auto path = create();
    std::string xml;
    std::uint64_t generation = 0;
    std::tie(xml, generation) = machine(path)->GetXml({{"inactive", true}});
    EXPECT_EQ(generation, get<std::uint64_t>(path, "Generation"));
    machine(path)->SetTitle("somebody else was faster", {});
    EXPECT_GT(get<std::uint64_t>(path, "Generation"), generation);
    const auto stale = failure_of([&] { machine(path)->DefineXml(xml, {{"generation", generation}}); });
    EXPECT_EQ(stale.name, "org.virtbus1.Error.StaleGeneration") << stale;
    EXPECT_EQ(get<std::string>(path, "Title"), "somebody else was faster");

    std::tie(xml, generation) = machine(path)->GetXml({{"inactive", true}});
    const auto at = xml.find("somebody else was faster");
    ASSERT_NE(at, std::string::npos);
    xml.replace(at, std::string("somebody else was faster").size(), "changed with care");
    machine(path)->DefineXml(xml, {{"generation", generation}});
    EXPECT_EQ(get<std::string>(path, "Title"), "changed with care");
}

TEST_F(SettingsTest, AnotherMachinesXmlIsRefused) {
    const auto first = create();
    const auto second = create();
    const auto [xml, generation] = machine(first)->GetXml({});
    const auto failure = failure_of([&, &text = xml] { machine(second)->DefineXml(text, {}); });
    EXPECT_EQ(failure.name, "org.freedesktop.DBus.Error.InvalidArgs") << failure;
    const auto broken = failure_of([&] { machine(second)->DefineXml("<domain", {}); });
    EXPECT_EQ(broken.name, "org.virtbus1.Error.InvalidXml") << broken;
}

}  // namespace virtbus::test
