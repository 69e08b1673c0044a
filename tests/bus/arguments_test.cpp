// SPDX-License-Identifier: LGPL-2.1-or-later
// What callers send: an unknown key, a wrong type and a bad value are refused, naming the key; errors have the names
// that the interfaces document, and no others.
#include "bus/error.h"
#include "bus_fixture.h"

#include <set>

namespace virtbus::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

const std::string invalid_args = "org.freedesktop.DBus.Error.InvalidArgs";

class ArgumentsTest : public BusTest {
protected:
    /// How the machine's method answers to `options`, with what goes before them.
    Failure machine_call(const std::string& method, const VariantMap& options) {
        const std::string path = method == "Start" ? database_path : web_path;
        std::shared_ptr<Reply> reply;
        if (method == "Rename" || method == "SetTitle" || method == "SetDescription" || method == "DefineXml")
            reply = begin(path, method, std::string("text"), options);
        else if (method == "SetAutostart")
            reply = begin(path, method, true, options);
        else if (method == "SetMemory")
            reply = begin(path, method, std::uint64_t{1} << 29, options);
        else if (method == "SetVcpus")
            reply = begin(path, method, std::uint32_t{1}, options);
        else if (method == "SetTags")
            reply = begin(path, method, std::vector<std::string>{"tag"}, options);
        else
            reply = begin(path, method, options);
        EXPECT_TRUE(await(reply)) << method;
        return reply->failure;
    }
    void expect_invalid(const Failure& failure, const std::string& key) {
        EXPECT_EQ(failure.name, invalid_args) << failure;
        EXPECT_THAT(failure.message, StartsWith(key + ":"));
    }
    Failure create(VariantMap spec) {
        return failure_of([&] { client.hypervisor(first_path)->CreateMachine(spec); });
    }
};

const std::vector<std::string> machine_methods{
    "Start",          "Shutdown", "Reboot",       "PowerOff",  "Pause",     "Resume",
    "Delete",         "Rename",   "SetAutostart", "SetMemory", "SetVcpus",  "SetTitle",
    "SetDescription", "SetTags",  "GetAddresses", "GetXml",    "DefineXml", "OpenConsole"};

TEST_F(ArgumentsTest, AnUnknownKeyIsRefusedByEveryMethodOfAMachine) {
    serve();
    const auto before = first->calls();
    for (const auto& method : machine_methods) {
        const auto failure = machine_call(method, {{"typo", sdbus::Variant(true)}});
        EXPECT_EQ(failure.name, invalid_args) << method << ' ' << failure;
        EXPECT_THAT(failure.message, StartsWith("typo: unknown key")) << method;
    }
    EXPECT_EQ(first->calls(), before) << "before anything was done";
}

TEST_F(ArgumentsTest, AnUnknownKeyIsRefusedByTheOthersToo) {
    serve();
    const VariantMap typo{{"typo", sdbus::Variant(1)}};
    expect_invalid(failure_of([&] { client.manager()->ListMachines(typo); }), "typo");
    expect_invalid(failure_of([&] { client.manager()->GetMachine("web", typo); }), "typo");
    expect_invalid(failure_of([&] { client.hypervisor(first_path)->DefineXml("x", typo); }), "typo");
    expect_invalid(failure_of([&] { client.hypervisor(first_path)->Reconnect(typo); }), "typo");
    expect_invalid(create({{"name", sdbus::Variant("x")}, {"typo", sdbus::Variant(1)}}), "typo");
    expect_invalid(create({{"nmae", sdbus::Variant("x")}}), "nmae");
    expect_invalid(create({}), "name");
}

TEST_F(ArgumentsTest, AnUnknownKeySaysWhichAreKnown) {
    serve();
    const auto failure = machine_call("Start", {{"pause", sdbus::Variant(true)}});
    EXPECT_THAT(failure.message, HasSubstr("known are paused, discard_saved"));
    EXPECT_THAT(machine_call("Pause", {{"hard", sdbus::Variant(true)}}).message, HasSubstr("there are none"));
}

TEST_F(ArgumentsTest, AWrongTypeIsRefusedNamingKeyAndTypes) {
    serve();
    const auto failure = machine_call("Start", {{"paused", sdbus::Variant("yes")}});
    expect_invalid(failure, "paused");
    EXPECT_THAT(failure.message, HasSubstr("D-Bus type b, not s"));
    expect_invalid(machine_call("PowerOff", {{"graceful", sdbus::Variant(1)}}), "graceful");
    expect_invalid(machine_call("Shutdown", {{"timeout_usec", sdbus::Variant(std::int32_t{1'000'000})}}),
                   "timeout_usec");
    expect_invalid(machine_call("DefineXml", {{"generation", sdbus::Variant(std::uint32_t{1})}}), "generation");
    expect_invalid(create({{"name", sdbus::Variant(7)}}), "name");
    expect_invalid(create({{"name", sdbus::Variant("x")}, {"memory", sdbus::Variant(std::uint32_t{1})}}), "memory");
    expect_invalid(create({{"name", sdbus::Variant("x")}, {"tags", sdbus::Variant("one")}}), "tags");
    expect_invalid(create({{"name", sdbus::Variant("x")}, {"disks", sdbus::Variant(VariantMap())}}), "disks");
}

TEST_F(ArgumentsTest, ABadValueIsRefusedNamingTheKey) {
    serve();
    expect_invalid(machine_call("Shutdown", {{"mode", sdbus::Variant("telepathy")}}), "mode");
    expect_invalid(machine_call("Reboot", {{"mode", sdbus::Variant("")}}), "mode");
    expect_invalid(machine_call("Shutdown", {{"on_timeout", sdbus::Variant("explode")}}), "on_timeout");
    for (const auto timeout : {std::uint64_t{0}, std::uint64_t{999'999}, std::uint64_t{3'600'000'001}, UINT64_MAX})
        expect_invalid(machine_call("Shutdown", {{"timeout_usec", sdbus::Variant(timeout)}}), "timeout_usec");
    const auto machine = client.machine(database_path);
    expect_invalid(failure_of([&] { machine->Rename("", {}); }), "new_name");
    expect_invalid(failure_of([&] { machine->Rename("a/b", {}); }), "new_name");
    expect_invalid(failure_of([&] { machine->Rename(std::string(10'000, 'x'), {}); }), "new_name");
    expect_invalid(failure_of([&] { machine->SetTitle("two\nlines", {}); }), "title");
    expect_invalid(failure_of([&] { machine->SetDescription("\x1b[31m", {}); }), "description");
    expect_invalid(failure_of([&] { machine->SetTags({"two words"}, {}); }), "tags");
    expect_invalid(failure_of([&] { machine->SetMemory(1, {}); }), "bytes");
    expect_invalid(failure_of([&] { machine->SetVcpus(0, {}); }), "vcpus");
    expect_invalid(failure_of([&] {
                       machine->SetVcpus(4, {{"maximum", sdbus::Variant(std::uint32_t{2})}});
                   }),
                   "maximum");
}

TEST_F(ArgumentsTest, ABadMachineIsRefusedNamingTheKeyDownToTheDevice) {
    serve();
    const auto name = sdbus::Variant("x");
    const auto disk = [](VariantMap keys) { return sdbus::Variant(std::vector<VariantMap>{std::move(keys)}); };
    expect_invalid(create({}), "name");
    expect_invalid(create({{"name", sdbus::Variant("")}}), "name");
    expect_invalid(create({{"name", name}, {"uuid", sdbus::Variant("nonsense")}}), "uuid");
    expect_invalid(create({{"name", name}, {"uuid", sdbus::Variant("00000000-0000-0000-0000-000000000000")}}), "uuid");
    expect_invalid(create({{"name", name}, {"disks", disk({{"fle", sdbus::Variant("/x")}})}}), "disks[0].fle");
    expect_invalid(create({{"name", name}, {"disks", disk({{"file", sdbus::Variant(true)}})}}), "disks[0].file");
    expect_invalid(create({{"name", name}, {"disks", disk({{"file", sdbus::Variant("/x")}})}}), "disks[0].format");
    const auto relative = disk({{"file", sdbus::Variant("x")}, {"format", sdbus::Variant("raw")}});
    expect_invalid(create({{"name", name}, {"disks", relative}}), "disks[0].file");
    expect_invalid(create({{"name", name}, {"interfaces", disk({{"type", sdbus::Variant("wifi")}})}}),
                   "interfaces[0].type");
    EXPECT_EQ(first->calls(PortCall::create), 0U);
}

TEST_F(ArgumentsTest, FilesComeOnlyFromAllowedDirectories) {
    serve(bus::BusType::session, AllowedFiles({"/var/lib/libvirt/images"}));
    const auto refused = create({{"name", sdbus::Variant("x")}, {"kernel", sdbus::Variant("/etc/shadow")}});
    expect_invalid(refused, "kernel");
    EXPECT_EQ(first->calls(PortCall::create), 0U);
}

TEST_F(ArgumentsTest, ListMachinesIsSortedAndCanBeNarrowed) {
    first->edit(web, [](Machine& machine) { machine.tags = {"prod"}; });
    second->edit(cache, [](Machine& machine) { machine.kind = Kind::container; });
    serve();
    const auto names = [&](const VariantMap& filter) {
        std::vector<std::string> found;
        for (const auto& row : client.manager()->ListMachines(filter)) found.push_back(row.get<1>());
        return found;
    };
    EXPECT_THAT(names({}), ElementsAre("db", "web", "cache"));
    EXPECT_THAT(names({{"hypervisor", sdbus::Variant("first")}}), ElementsAre("db", "web"));
    EXPECT_THAT(names({{"state", sdbus::Variant("running")}}), ElementsAre("web", "cache"));
    EXPECT_THAT(names({{"kind", sdbus::Variant("container")}}), ElementsAre("cache"));
    EXPECT_THAT(names({{"tag", sdbus::Variant("prod")}}), ElementsAre("web"));
    EXPECT_THAT(names({{"tag", sdbus::Variant("prod")}, {"state", sdbus::Variant("shut-off")}}), ElementsAre());
    const auto row = client.manager()->ListMachines({{"tag", sdbus::Variant("prod")}}).at(0);
    EXPECT_EQ(row, (sdbus::Struct<sdbus::ObjectPath, std::string, std::string, std::string, std::string, std::string,
                                  std::string, std::uint32_t, std::uint64_t>{
                       web_path, "web", web.text(), "first", "vm", "running", "hybrid", 2, std::uint64_t{1} << 30}));
    const auto unknown = failure_of([&] { client.manager()->ListMachines({{"hypervisor", sdbus::Variant("third")}}); });
    EXPECT_EQ(unknown.name, "org.virtbus1.Error.NoSuchHypervisor") << unknown;
}

TEST_F(ArgumentsTest, AMachineIsFoundByNameOrUuid) {
    serve();
    const auto manager = client.manager();
    EXPECT_EQ(manager->GetMachine("web", {}), web_path);
    EXPECT_EQ(manager->GetMachine(cache.text(), {}), cache_path);
    EXPECT_EQ(manager->GetMachine(cache.text('-'), {{"hypervisor", sdbus::Variant("second")}}), cache_path);
    std::string bare = cache.text();
    std::erase(bare, '-');
    EXPECT_EQ(manager->GetMachine(bare, {}), cache_path);
    for (const auto* nobody : {"", "we", "web ", "WEB", "00000000-0000-0000-0000-000000000000"})
        EXPECT_EQ(failure_of([&] { manager->GetMachine(nobody, {}); }).name, "org.virtbus1.Error.NoSuchMachine")
            << nobody;
    EXPECT_EQ(failure_of([&] {
                  manager->GetMachine("web", {{"hypervisor", sdbus::Variant("second")}});
              }).name,
              "org.virtbus1.Error.NoSuchMachine");
    EXPECT_EQ(failure_of([&] {
                  manager->GetMachine("web", {{"hypervisor", sdbus::Variant("third")}});
              }).name,
              "org.virtbus1.Error.NoSuchHypervisor");
}

TEST_F(ArgumentsTest, ANameThatTwoHypervisorsHaveIsAmbiguous) {
    second->add(make_machine("web", 4));
    serve();
    const auto manager = client.manager();
    const auto ambiguous = failure_of([&] { manager->GetMachine("web", {}); });
    EXPECT_EQ(ambiguous.name, "org.virtbus1.Error.Ambiguous");
    EXPECT_THAT(ambiguous.message, testing::AllOf(HasSubstr("first"), HasSubstr("second")));
    EXPECT_EQ(manager->GetMachine("web", {{"hypervisor", sdbus::Variant("second")}}),
              bus::machine_path("second", make_uuid(4)));
}

TEST_F(ArgumentsTest, WhatIsNotThereIsUnknown) {
    serve();
    const auto unknown_object = "org.freedesktop.DBus.Error.UnknownObject";
    EXPECT_EQ(failure_of([&] { client.machine(first_path + "/machine/nonsense")->Start({}); }).name, unknown_object);
    EXPECT_EQ(failure_of([&] { client.hypervisor("/org/virtbus1/hypervisor/third")->Reconnect({}); }).name,
              unknown_object);
    EXPECT_EQ(failure_of([&] { client.job("/org/virtbus1/job/1")->Cancel({}); }).name, unknown_object);
    const auto method = client.begin(web_path, "org.virtbus1.Machine", "Explode", VariantMap());
    ASSERT_TRUE(await(method));
    EXPECT_EQ(method->failure.name, "org.freedesktop.DBus.Error.UnknownMethod");
    const auto arguments = client.begin(web_path, "org.virtbus1.Machine", "Start", std::string("no options"));
    ASSERT_TRUE(await(arguments));
    EXPECT_EQ(arguments->failure.name, invalid_args);
}

TEST_F(ArgumentsTest, PropertiesAreReadOnly) {
    serve();
    const auto refused =
        failure_of([&] { client.machine(web_path)->Set("org.virtbus1.Machine", "Title", sdbus::Variant("x")); });
    EXPECT_EQ(refused.name, "org.freedesktop.DBus.Error.PropertyReadOnly") << refused;
}

TEST_F(ArgumentsTest, TheLogTakesItsLevelsAndTargetsAndNothingElse) {
    serve();
    const auto control = client.log_control();
    EXPECT_EQ(control->SyslogIdentifier(), "virtbusd");
    EXPECT_EQ(control->LogLevel(), "err");
    control->LogLevel("crit");
    EXPECT_EQ(control->LogLevel(), "crit");
    EXPECT_EQ(failure_of([&] { control->LogLevel("loud"); }).name, invalid_args);
    control->LogTarget("console");
    EXPECT_EQ(control->LogTarget(), "console");
    EXPECT_EQ(failure_of([&] { control->LogTarget("printer"); }).name, invalid_args);
    EXPECT_EQ(control->LogTarget(), "console");
    control->LogTarget("auto");
}

TEST(ErrorName, EachCodeHasOneOfItsOwn) {
    std::set<std::string_view> names;
    for (int i = 0; i <= static_cast<int>(Code::internal); ++i) names.insert(bus::error_name(static_cast<Code>(i)));
    EXPECT_EQ(names.size(), static_cast<std::size_t>(Code::internal) + 1);
}

TEST(ErrorName, OfWhatIsNotOursIsInternal) {
    const auto foreign = bus::to_bus_error(std::make_exception_ptr(std::runtime_error("oops \xff")));
    EXPECT_EQ(foreign.getName(), "org.virtbus1.Error.Internal");
    EXPECT_EQ(foreign.getMessage(), "oops \uFFFD");
    EXPECT_EQ(bus::to_bus_error(std::make_exception_ptr(7)).getName(), "org.virtbus1.Error.Internal");
}

}  // namespace
}  // namespace virtbus::test
