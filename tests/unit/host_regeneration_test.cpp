// SPDX-License-Identifier: LGPL-2.1-or-later
// This host gets another machine-id, in two steps: the first says what that breaks.
#include "unit/host_identity_fixture.h"

#include "base/log.h"

namespace virtbus::test {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Key;
using testing::Not;
using testing::Pair;

TEST_F(HostIdentityTest, IsGivenAnotherIdInTwoSteps) {
    put_id(one);
    start();
    const auto prepared = prepare();
    EXPECT_EQ(content(etc()), one.text() + "\n") << "nothing is done yet";
    EXPECT_THAT(prepared.consequences, ElementsAre(Pair("cached", HasSubstr("reboot"))));
    const auto id = regenerate(prepared.token);
    EXPECT_NE(id, one);
    EXPECT_EQ(content(etc()), id.text() + "\n");
    EXPECT_EQ(known().id, id);
    EXPECT_TRUE(known().consistent);
    EXPECT_TRUE(host->reboot_required());
    EXPECT_GT(changes, 0);
}

TEST_F(HostIdentityTest, ACopyForLibdbusGetsTheNewIdToo) {
    put("etc/machine-id", one.text() + "\n");
    put("var/lib/dbus/machine-id", one.text() + "\n");
    start();
    const auto id = regenerate(prepare().token);
    EXPECT_EQ(content(dbus()), id.text() + "\n");
    EXPECT_EQ(host->dbus_id(), id);
}

TEST_F(HostIdentityTest, ATokenIsGoodOnce) {
    put_id(one);
    start();
    const auto prepared = prepare();
    regenerate(prepared.token);
    expect_stale(prepared.token);
    expect_stale("");
    expect_stale("0123");
}

TEST_F(HostIdentityTest, ATokenIsOfItsCaller) {
    put_id(one);
    start();
    const auto prepared = prepare(":1.1");
    const auto other = prepare(":1.2");
    EXPECT_NE(prepared.token, other.token);
    expect_stale(prepared.token, ":1.2");
    expect_stale(other.token, ":1.1");
    regenerate(prepared.token, ":1.1");
    expect_stale(other.token, ":1.2");  // the id has changed since
}

TEST_F(HostIdentityTest, AnotherPreparationTakesTheFirstTokensPlace) {
    put_id(one);
    start();
    const auto first = prepare();
    const auto second = prepare();
    expect_stale(first.token);
    EXPECT_NE(regenerate(second.token), one);
}

TEST_F(HostIdentityTest, ATokenSaysUntilWhenItIsGood) {
    put_id(one);
    start();
    using std::chrono::system_clock;
    const auto now = std::chrono::duration_cast<std::chrono::microseconds>(system_clock::now().time_since_epoch());
    const auto left = prepare().expires - static_cast<std::uint64_t>(now.count());
    EXPECT_GE(left, 119'000'000U);
    EXPECT_LE(left, 130'000'000U);
}

TEST_F(HostIdentityTest, ATokenExpires) {
    put_id(one);
    start();
    const auto late = prepare();
    clock += std::chrono::seconds(121);
    const auto outcome = outcome_of([&] { regenerate(late.token); });
    EXPECT_TRUE(refuses(outcome, Code::stale_generation, "token: it has expired")) << outcome;
    EXPECT_EQ(content(etc()), one.text() + "\n");
    const auto in_time = prepare();
    clock += std::chrono::seconds(119);
    EXPECT_NE(regenerate(in_time.token), one);
}

TEST_F(HostIdentityTest, TokensThatHaveExpiredAreInNobodysWay) {
    put_id(one);
    start();
    for (int caller = 0; caller < 100; ++caller) prepare(":1." + std::to_string(caller));
    clock += std::chrono::seconds(121);
    EXPECT_EQ(prepare(":1.100").token.size(), 32U);
}

TEST_F(HostIdentityTest, TheLogHasFingerprintsOnly) {
    put_id(one);
    start();
    const auto before = log::level();
    log::set_target(log::Target::console);
    log::set_level(log::Level::debug);
    testing::internal::CaptureStderr();
    const auto id = regenerate(prepare().token);
    const auto written = testing::internal::GetCapturedStderr();
    log::set_level(before);
    log::set_target(log::Target::automatic);
    EXPECT_THAT(written, HasSubstr(fingerprint(id)));
    for (const auto& secret : {id, one}) EXPECT_THAT(written, Not(HasSubstr(secret.text())));
}

TEST_F(HostIdentityTest, ATokenEndsWithTheIdThatItWasGivenFor) {
    put_id(one);
    start();
    const auto prepared = prepare();
    put("etc/machine-id", two.text() + "\n");
    expect_stale(prepared.token);
    put("etc/machine-id", one.text() + "\n");
    expect_stale(prepared.token);  // it was used
}

TEST_F(HostIdentityTest, ATokenEndsWhenTheConsequencesAreOthers) {
    put_id(one);
    start();
    const auto prepared = prepare();
    std::filesystem::create_directories(root.path / "var/lib/kubelet");
    expect_stale(prepared.token);
    expect_stale(prepare(":1.1", 1).token, ":1.1", 2);
    EXPECT_NE(regenerate(prepare(":1.1", 2).token, ":1.1", 2), one);
}

TEST_F(HostIdentityTest, EachConsequenceIsNamed) {
    const auto words = [&] {
        std::vector<std::string> found;
        for (const auto& each : consequences_of_another_id(root.path.string(), one, 0)) found.push_back(each.first);
        return found;
    };
    EXPECT_THAT(words(), ElementsAre("cached"));
    const std::vector<std::pair<std::string, std::string>> signs{
        {"var/lib/systemd/credential.secret", "credential-secret"},
        {"var/lib/libvirt/secrets/secrets-encryption-key", "libvirt-secrets"},
        {"run/systemd/netif/leases/2", "dhcp"},
        {"var/lib/kubelet/config.yaml", "kubelet"},
        {"etc/salt/minion_id", "salt"},
        {"var/lib/systemd/home/a.identity", "homed"},
        {"var/log/journal/" + one.text() + "/system.journal", "journal"},
        {"boot/loader/entries/" + one.text() + "-6.1.conf", "boot-entries"},
    };
    for (const auto& [path, word] : signs) {
        EXPECT_THAT(words(), Not(Contains(word)));
        put(path, "");
        EXPECT_THAT(words(), Contains(word)) << path;
    }
    EXPECT_THAT(consequences_of_another_id(root.path.string(), one, 3),
                Contains(Pair("running-guests", HasSubstr("3 machines"))));
    EXPECT_THAT(consequences_of_another_id(root.path.string(), two, 0), Not(Contains(Key("journal")))) << "not its own";
}

TEST_F(HostIdentityTest, BootEntriesAreFoundWhereverTheyMayBe) {
    for (const auto* directory : {"boot", "efi", "boot/efi"}) {
        const auto entries = root.path / directory / one.text();
        std::filesystem::create_directories(entries);
        EXPECT_THAT(consequences_of_another_id(root.path.string(), one, 0), Contains(Key("boot-entries"))) << directory;
        std::filesystem::remove(entries);
        EXPECT_THAT(consequences_of_another_id(root.path.string(), one, 0), Not(Contains(Key("boot-entries"))));
    }
}

TEST_F(HostIdentityTest, AnObstacleIsShownAndNotOvercome) {
    put_id(one);
    std::filesystem::create_hard_link(etc(), root.path / "etc/other-name");
    start();
    EXPECT_THAT(known().overrides, ElementsAre("hard-link"));
    const auto outcome = outcome_of([&] { prepare(); });
    EXPECT_TRUE(refuses(outcome, Code::invalid_state)) << outcome;
    EXPECT_THAT(outcome.text, HasSubstr("hard-link"));
}

TEST_F(HostIdentityTest, WhatTheKernelWasToldIsAnObstacle) {
    put_id(one);
    for (const auto& value : {two.text(), std::string("firmware")}) {
        put("proc/cmdline", "root=/dev/vda1 quiet \"systemd.machine-id=" + value + "\"\n");
        start();
        EXPECT_THAT(known().overrides, ElementsAre("kernel-command-line"));
        const auto outcome = outcome_of([&] { prepare(); });
        EXPECT_TRUE(refuses(outcome, Code::invalid_state)) << outcome;
        EXPECT_THAT(outcome.text, HasSubstr("kernel-command-line"));
    }
}

TEST_F(HostIdentityTest, AKernelThatWasToldNoIdIsNoObstacle) {
    put_id(one);
    put("proc/cmdline", "systemd.machine_id xsystemd.machine_id=" + two.text() + " systemd.machine_id=\n");
    start();
    EXPECT_THAT(known().overrides, IsEmpty());
}

TEST_F(HostIdentityTest, AnObstacleThatComesAfterThePreparationCountsToo) {
    put_id(one);
    start();
    const auto prepared = prepare();
    put("proc/cmdline", "systemd.machine_id=" + two.text());
    const auto outcome = outcome_of([&] { regenerate(prepared.token); });
    EXPECT_TRUE(refuses(outcome, Code::invalid_state)) << outcome;
    EXPECT_EQ(content(etc()), one.text() + "\n");
}

TEST_F(HostIdentityTest, WhoPreparesTooOftenIsToldToWait) {
    put_id(one);
    start();
    for (int caller = 0; caller < 100; ++caller) prepare(":1." + std::to_string(caller));
    const auto outcome = outcome_of([&] { prepare(":1.100"); });
    EXPECT_TRUE(refuses(outcome, Code::busy)) << outcome;
    EXPECT_EQ(prepare(":1.5").token.size(), 32U) << "who has one may have another in its place";
}

TEST_F(HostIdentityTest, IsADuplicateOfAGuestWithTheSameId) {
    put_id(one);
    start();
    EXPECT_THAT(identities.with(one), ElementsAre(ObjectRef(HostRef{})));
    put_id(two);
    ASSERT_TRUE(await_id(two));
    EXPECT_THAT(identities.with(one), IsEmpty());
}

}  // namespace
}  // namespace virtbus::test
