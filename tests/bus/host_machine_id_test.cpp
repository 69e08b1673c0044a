// SPDX-License-Identifier: LGPL-2.1-or-later
// org.virtbus1.HostMachineId on the bus, on the files below a root of its own.
#include "bus_fixture.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace virtbus::test {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class HostMachineIdTest : public BusTest {
protected:
    /// With a file and a link to it, as a system should have them.
    void serve_with(const MachineId& id) {
        ASSERT_NO_FATAL_FAILURE(serve());
        put("var/lib/dbus/machine-id", "");
        std::filesystem::remove(server->root() / "var/lib/dbus/machine-id");
        std::filesystem::create_symlink("/etc/machine-id", server->root() / "var/lib/dbus/machine-id");
        put("etc/machine-id", id.text() + "\n");
        ASSERT_TRUE(client.wait_until([&] { return host()->EtcId() == id.text(); }));
        // What comes first: it had none, so this counts as a change. Another daemon would begin with it.
        client.flush();
        client.signals.clear();
    }
    std::unique_ptr<proxies::HostMachineId> host() { return client.host_machine_id(); }
    std::unique_ptr<proxies::MachineId> host_id() { return client.machine_id(path); }
    void put(const std::string& file, const std::string& content) const {
        std::filesystem::create_directories((server->root() / file).parent_path());
        std::ofstream(server->root() / file) << content;
    }
    [[nodiscard]] std::string content(const std::string& file) const {
        std::ifstream stream(server->root() / file);
        return {std::istreambuf_iterator<char>(stream), {}};
    }
    std::string prepare() { return std::get<0>(host()->PrepareRegenerate({})); }
    std::vector<std::string> consequences() {
        std::vector<std::string> words;
        const auto prepared = host()->PrepareRegenerate({});
        for (const auto& each : std::get<1>(prepared)) words.push_back(each.get<0>());
        return words;
    }
    void expect_error(const Failure& failure, const std::string& name, const std::string& part = "") {
        EXPECT_EQ(failure.name, "org.virtbus1.Error." + name) << failure;
        EXPECT_THAT(failure.message, HasSubstr(part));
    }
    /// The token is refused, and nothing is written.
    void expect_stale(const std::string& token) {
        const auto before = content("etc/machine-id");
        expect_error(failure_of([&] { host()->Regenerate(token, {}); }), "StaleGeneration", "token:");
        EXPECT_EQ(content("etc/machine-id"), before);
    }
    /// Whether a change of this property of the interface was announced.
    bool was_announced(const std::string& interface, const std::string& property) {
        return std::any_of(client.signals.begin(), client.signals.end(), [&](const Signal& signal) {
            return signal.path == path && signal.subject == interface && signal.changed.contains(property);
        });
    }

    const std::string path = "/org/virtbus1/machine_id";
    const std::string ours = "org.virtbus1.HostMachineId";
    const std::string invalid_args = "org.freedesktop.DBus.Error.InvalidArgs";
    const MachineId one = *MachineId::parse("0123456789abcdef0123456789abcdef");
    const MachineId two = *MachineId::parse("fedcba9876543210fedcba9876543210");
};

TEST_F(HostMachineIdTest, IsThereWithBothInterfaces) {
    serve_with(one);
    const auto objects = client.manager()->GetManagedObjects();
    ASSERT_TRUE(objects.contains(path));
    const auto& properties = objects.at(path).at(ours);
    EXPECT_EQ(properties.size(), 3U);
    EXPECT_EQ(properties.at("EtcId").get<std::string>(), one.text());
    EXPECT_EQ(properties.at("DbusId").get<std::string>(), one.text());
    const auto& id = objects.at(path).at("org.virtbus1.MachineId");
    EXPECT_EQ(id.at("Subject").get<std::string>(), "host");
    EXPECT_EQ(id.at("Source").get<std::string>(), "files");
    EXPECT_EQ(id.at("DbusState").get<std::string>(), "link");
    EXPECT_EQ(id.at("Guarantee").get<std::string>(), "verified");
    EXPECT_EQ(host_id()->GetId(), one.text());
}

TEST_F(HostMachineIdTest, AHostThatHasNoneSaysSo) {
    serve();
    EXPECT_EQ(host()->EtcId(), "");
    EXPECT_EQ(host()->DbusId(), "");
    EXPECT_FALSE(host()->RebootRequired());
    EXPECT_EQ(host_id()->State(), "missing");
    expect_error(failure_of([&] { host()->Get(""); }), "Failed", "dbus-uuidgen");
    expect_error(failure_of([&] { host()->Get("etc"); }), "Failed", "Failed to open");
    expect_error(failure_of([&] { host_id()->GetId(); }), "InvalidState",
                 "this host has no machine-id: its /etc/machine-id is missing: systemd makes one");
}

TEST_F(HostMachineIdTest, WhatSomebodyElseWritesIsAnnounced) {
    serve_with(one);
    put("etc/machine-id", two.text() + "\n");
    ASSERT_TRUE(client.wait_until([&] { return was_announced(ours, "EtcId") && was_announced(ours, "DbusId"); }));
    EXPECT_TRUE(was_announced("org.virtbus1.MachineId", "Fingerprint"));
    EXPECT_EQ(host()->EtcId(), two.text());
    EXPECT_EQ(host_id()->Fingerprint(), fingerprint(two));
    EXPECT_TRUE(host()->RebootRequired());
}

TEST_F(HostMachineIdTest, FilesAreNamedByWordsAlone) {
    serve_with(one);
    EXPECT_EQ(host()->Get(""), one.text());
    EXPECT_EQ(host()->Get("etc"), one.text());
    EXPECT_EQ(host()->Get("dbus"), one.text());
    for (const auto* word : {"/etc/shadow", "../x", "/etc/machine-id", "etc/machine-id", "ETC", " etc", ".", "etc\n"}) {
        const auto got = failure_of([&] { host()->Get(word); });
        EXPECT_EQ(got.name, invalid_args) << word;
        EXPECT_THAT(got.message, HasSubstr("file:"));
        EXPECT_EQ(failure_of([&] { host()->Ensure(word, {}); }).name, invalid_args) << word;
    }
    EXPECT_FALSE(std::filesystem::exists(server->root() / "x"));
}

TEST_F(HostMachineIdTest, EnsureMakesWhatIsMissing) {
    serve();
    const auto [created, id] = host()->Ensure("etc", {});
    EXPECT_TRUE(created);
    EXPECT_EQ(content("etc/machine-id"), id + "\n");
    EXPECT_EQ(host()->EtcId(), id) << "it shows when the call has ended";
    EXPECT_EQ(host()->Ensure("etc", {}), std::make_tuple(false, id));
    EXPECT_EQ(host()->Ensure("", {}), std::make_tuple(true, id)) << "libdbus's is made with the same id";
    EXPECT_EQ(content("var/lib/dbus/machine-id"), id + "\n");
    EXPECT_EQ(host_id()->DbusState(), "same");
    put("etc/machine-id", "rubbish\n");
    expect_error(failure_of([&] { host()->Ensure("etc", {}); }), "Failed", "should contain a hex string");
    EXPECT_EQ(content("etc/machine-id"), "rubbish\n") << "what is not understood is not overwritten";
}

TEST_F(HostMachineIdTest, TwoWhoEnsureAtOnceAgree) {
    serve();
    std::vector<std::shared_ptr<Reply>> replies;
    replies.reserve(20);
    for (int i = 0; i < 20; ++i)
        replies.push_back(client.begin(path, ours, "Ensure", std::string("etc"), VariantMap()));
    for (const auto& reply : replies) {
        ASSERT_TRUE(await(reply));
        EXPECT_EQ(reply->failure.name, "") << reply->failure;
    }
    EXPECT_EQ(host()->Ensure("etc", {}), std::make_tuple(false, host()->EtcId()));
    client.flush();
    const auto changes = std::count_if(client.signals.begin(), client.signals.end(), [&](const Signal& signal) {
        return signal.subject == ours && signal.changed.contains("EtcId");
    });
    EXPECT_EQ(changes, 1) << "it had one id only";
}

TEST_F(HostMachineIdTest, LinkDbusMakesALinkWhereItMay) {
    serve();
    expect_error(failure_of([&] { host()->LinkDbus({}); }), "InvalidState", "no id");
    put("etc/machine-id", one.text() + "\n");
    put("var/lib/dbus/machine-id", one.text() + "\n");
    EXPECT_TRUE(host()->LinkDbus({}));
    EXPECT_TRUE(std::filesystem::is_symlink(server->root() / "var/lib/dbus/machine-id"));
    EXPECT_EQ(host_id()->DbusState(), "link");
    EXPECT_FALSE(host()->LinkDbus({}));
    std::filesystem::remove(server->root() / "var/lib/dbus/machine-id");
    put("var/lib/dbus/machine-id", two.text() + "\n");
    expect_error(failure_of([&] { host()->LinkDbus({}); }), "InvalidState", "has not the id");
    EXPECT_EQ(content("var/lib/dbus/machine-id"), two.text() + "\n");
}

TEST_F(HostMachineIdTest, IsGivenAnotherIdInTwoSteps) {
    serve_with(one);
    const auto token = prepare();
    EXPECT_EQ(content("etc/machine-id"), one.text() + "\n") << "nothing is done yet";
    const auto id = host()->Regenerate(token, {});
    EXPECT_NE(id, one.text());
    EXPECT_EQ(content("etc/machine-id"), id + "\n");
    EXPECT_EQ(host()->EtcId(), id);
    EXPECT_EQ(host()->DbusId(), id);
    EXPECT_EQ(host_id()->GetId(), id);
    EXPECT_TRUE(host_id()->Consistent());
    EXPECT_TRUE(host()->RebootRequired());
    client.flush();
    EXPECT_TRUE(was_announced(ours, "EtcId"));
    EXPECT_TRUE(was_announced("org.virtbus1.MachineId", "Fingerprint"));
    expect_stale(token);
}

TEST_F(HostMachineIdTest, WhatAnotherIdWouldBreakIsSaidBefore) {
    serve_with(one);
    EXPECT_THAT(consequences(), ElementsAre("running-guests", "cached")) << "two machines run";
    put("var/lib/systemd/credential.secret", "");
    put("var/lib/kubelet/config.yaml", "");
    EXPECT_THAT(consequences(), ElementsAre("credential-secret", "kubelet", "running-guests", "cached"));
    const auto prepared = host()->PrepareRegenerate({});
    for (const auto& each : std::get<1>(prepared)) EXPECT_GT(each.get<1>().size(), 20U) << each.get<0>();
    client.machine(web_path)->PowerOff({});
    client.machine(cache_path)->PowerOff({});
    EXPECT_THAT(consequences(), Not(Contains("running-guests")));
}

TEST_F(HostMachineIdTest, ATokenEndsWhenSomethingIsOther) {
    serve_with(one);
    auto token = prepare();
    std::filesystem::create_directories(server->root() / "var/lib/kubelet");
    expect_stale(token);
    token = prepare();
    client.machine(database_path)->Start({});
    expect_stale(token);
    token = prepare();
    put("etc/machine-id", two.text() + "\n");
    expect_stale(token);
    EXPECT_NE(host()->Regenerate(prepare(), {}), two.text());
}

TEST_F(HostMachineIdTest, ATokenIsOfTheCallerThatItWasGivenTo) {
    serve_with(one);
    const auto token = prepare();
    Client other(bus.address());
    expect_error(failure_of([&] { other.host_machine_id()->Regenerate(token, {}); }), "StaleGeneration", "this caller");
    EXPECT_EQ(content("etc/machine-id"), one.text() + "\n");
    EXPECT_NE(host()->Regenerate(token, {}), one.text()) << "nobody else can use it up";
    expect_stale("");
    expect_stale(MachineId::random().text());
}

TEST_F(HostMachineIdTest, AnObstacleIsShownAndNotOvercome) {
    serve_with(one);
    const auto token = prepare();
    std::filesystem::create_hard_link(server->root() / "etc/machine-id", server->root() / "etc/other-name");
    expect_error(failure_of([&] { host()->PrepareRegenerate({}); }), "InvalidState", "hard-link");
    EXPECT_THAT(host_id()->Overrides(), ElementsAre("hard-link"));
    expect_error(failure_of([&] { host()->Regenerate(token, {}); }), "InvalidState", "hard-link");
    EXPECT_EQ(content("etc/other-name"), one.text() + "\n");
    std::filesystem::remove(server->root() / "etc/other-name");
    expect_stale(token);  // it was used
    EXPECT_NE(host()->Regenerate(prepare(), {}), one.text());
}

TEST_F(HostMachineIdTest, UnknownOptionsAreRefused) {
    serve_with(one);
    const VariantMap typo{{"typo", sdbus::Variant(true)}};
    EXPECT_EQ(failure_of([&] { host()->PrepareRegenerate(typo); }).name, invalid_args);
    const auto token = prepare();
    EXPECT_EQ(failure_of([&] { host()->Regenerate(token, typo); }).name, invalid_args);
    EXPECT_EQ(content("etc/machine-id"), one.text() + "\n");
    EXPECT_NE(host()->Regenerate(token, {}), one.text()) << "a typo does not use it up";
}

TEST_F(HostMachineIdTest, TheFirstIdOfAHostAsksForNoReboot) {
    serve();
    host()->Ensure("etc", {});
    EXPECT_FALSE(host()->RebootRequired()) << "no program can have another one";
}

}  // namespace
}  // namespace virtbus::test
