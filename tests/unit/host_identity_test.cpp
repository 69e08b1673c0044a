// SPDX-License-Identifier: LGPL-2.1-or-later
// This host's machine-id, for real below a root of its own: what is read, watched and changed, and how carefully it is
// given another one.
#include "unit/host_identity_fixture.h"

#include "base/log.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

namespace virtbus::test {
namespace {

/// As long as it lives this process can open nothing.
class NoMoreFiles {
public:
    NoMoreFiles() {
        ::getrlimit(RLIMIT_NOFILE, &before_);
        const int lowest = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
        ::close(lowest);
        auto none = before_;
        none.rlim_cur = static_cast<rlim_t>(lowest);
        ::setrlimit(RLIMIT_NOFILE, &none);
    }
    ~NoMoreFiles() { ::setrlimit(RLIMIT_NOFILE, &before_); }
    NoMoreFiles(const NoMoreFiles&) = delete;
    NoMoreFiles& operator=(const NoMoreFiles&) = delete;

private:
    rlimit before_{};
};

TEST_F(HostIdentityTest, IsReadAtTheStart) {
    put_id(one);
    start();
    EXPECT_EQ(known().id, one);
    EXPECT_EQ(known().state, IdState::valid);
    EXPECT_EQ(known().dbus_state, DbusState::link);
    EXPECT_EQ(known().source, IdentitySource::files);
    EXPECT_TRUE(known().consistent);
    EXPECT_EQ(guarantee(known()), Guarantee::verified);
    EXPECT_GT(known().observed, 0U);
    EXPECT_EQ(host->dbus_id(), one);
    EXPECT_FALSE(host->reboot_required());
}

TEST_F(HostIdentityTest, AHostWithoutAnIdIsNoMistake) {
    start();
    EXPECT_EQ(known().id, std::nullopt);
    EXPECT_EQ(known().state, IdState::missing);
    EXPECT_EQ(known().dbus_state, DbusState::missing);
    EXPECT_EQ(host->dbus_id(), std::nullopt);
    EXPECT_EQ(fingerprint(known()), "");
}

TEST_F(HostIdentityTest, TwoFilesMayDisagree) {
    put("etc/machine-id", one.text() + "\n");
    put("var/lib/dbus/machine-id", two.text() + "\n");
    start();
    EXPECT_EQ(known().id, one);
    EXPECT_EQ(host->dbus_id(), two);
    EXPECT_EQ(known().dbus_state, DbusState::different);
    EXPECT_FALSE(known().consistent);
}

TEST_F(HostIdentityTest, WhatSomebodyElseChangesIsSeen) {
    put_id(one);
    start();
    put("etc/machine-id", two.text() + "\n");  // in place
    EXPECT_TRUE(await_id(two));
    EXPECT_TRUE(host->reboot_required());
    EXPECT_GT(changes, 0);
    put("etc/machine-id.new", one.text() + "\n");
    std::filesystem::rename(root.path / "etc/machine-id.new", etc());
    EXPECT_TRUE(await_id(one));
    EXPECT_TRUE(host->reboot_required()) << "who read it in between still has the other";
    std::filesystem::remove(etc());
    EXPECT_TRUE(turn_until(loop, [&] { return known().state == IdState::missing; }));
}

TEST_F(HostIdentityTest, WhatSomebodyElseDoesToTheOtherFileIsSeen) {
    put_id(one);
    start();
    std::filesystem::remove(dbus());
    EXPECT_TRUE(turn_until(loop, [&] { return known().dbus_state == DbusState::missing; }));
    put("var/lib/dbus/machine-id", two.text() + "\n");
    EXPECT_TRUE(turn_until(loop, [&] { return known().dbus_state == DbusState::different; }));
    EXPECT_FALSE(host->reboot_required()) << "systemd's is the same";
}

TEST_F(HostIdentityTest, ALinkThatSomebodyElseMakesIsSeen) {
    put("etc/machine-id", one.text() + "\n");
    start();
    EXPECT_EQ(known().dbus_state, DbusState::missing);
    std::filesystem::create_symlink("/etc/machine-id", dbus());  // as systemd-tmpfiles does
    EXPECT_TRUE(turn_until(loop, [&] { return known().dbus_state == DbusState::link; }));
}

TEST_F(HostIdentityTest, ADirectoryThatComesLaterIsWatchedToo) {
    std::filesystem::remove_all(root.path / "var");
    put("etc/machine-id", one.text() + "\n");
    start();
    for (const auto* directory : {"var", "var/lib", "var/lib/dbus"}) {
        changes = 0;
        std::filesystem::create_directory(root.path / directory);
        ASSERT_TRUE(turn_until(loop, [&] { return changes > 0; })) << directory;
    }
    put("var/lib/dbus/machine-id", one.text() + "\n");
    EXPECT_TRUE(turn_until(loop, [&] { return known().dbus_state == DbusState::same; }));
}

TEST_F(HostIdentityTest, ADirectoryThatIsMadeAnewIsWatchedToo) {
    put_id(one);
    start();
    std::filesystem::remove_all(root.path / "var/lib/dbus");
    ASSERT_TRUE(turn_until(loop, [&] { return known().dbus_state == DbusState::missing; }));
    put("var/lib/dbus/machine-id", two.text() + "\n");
    EXPECT_TRUE(turn_until(loop, [&] { return known().dbus_state == DbusState::different; }));
    changes = 0;
    put("var/lib/dbus/machine-id", one.text() + "\n");
    EXPECT_TRUE(turn_until(loop, [&] { return known().dbus_state == DbusState::same; }));
}

TEST_F(HostIdentityTest, WhatCannotBeWatchedAnewIsWatchedAsBefore) {
    put_id(one);
    start();
    put("etc/machine-id.two", two.text() + "\n");
    put("etc/machine-id.one", one.text() + "\n");
    log::set_target(log::Target::console);
    testing::internal::CaptureStderr();
    {
        const NoMoreFiles none;
        std::filesystem::rename(root.path / "etc/machine-id.two", etc());
        const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(1'500);
        ASSERT_TRUE(turn_until(loop, [&] { return std::chrono::steady_clock::now() > end; }));
    }
    EXPECT_THAT(testing::internal::GetCapturedStderr(), testing::HasSubstr("/etc cannot be watched"));
    log::set_target(log::Target::automatic);
    std::filesystem::rename(root.path / "etc/machine-id.one", etc());
    EXPECT_TRUE(await_id(one));
    std::filesystem::remove(dbus());
    EXPECT_TRUE(turn_until(loop, [&] { return known().dbus_state == DbusState::missing; }));
}

TEST_F(HostIdentityTest, WhoWaitsDoesNotWaitForWhatHasFailed) {
    put_id(one);
    make();
    host->on_change([] { throw std::runtime_error("a defect"); });
    run(loop, host->start());
    const auto begun = std::chrono::steady_clock::now();
    run(loop, host->settled());
    EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(3));
}

TEST_F(HostIdentityTest, WhoWaitsUntilItIsSettledFindsIt) {
    put_id(one);
    make();
    const auto started = begin(loop, host->start());
    run(loop, host->settled());
    EXPECT_EQ(known().id, one);
    ASSERT_TRUE(turn_until(loop, [&] { return started->done; }));
    run(loop, host->settled());
}

TEST_F(HostIdentityTest, LookingAgainChangesNothing) {
    put_id(one);
    start();
    const auto before = known();
    run(loop, host->refresh());
    EXPECT_EQ(known(), before) << "also the time: nothing was learnt";
    EXPECT_FALSE(host->reboot_required());
}

TEST_F(HostIdentityTest, OtherFilesAreNotItsBusiness) {
    put_id(one);
    start();
    put("etc/passwd", "root");
    put("etc/machine-id.bak", two.text());
    const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(300);
    ASSERT_TRUE(turn_until(loop, [&] { return std::chrono::steady_clock::now() > end; }));
    EXPECT_EQ(changes, 0);
}

TEST_F(HostIdentityTest, GetIsThatOfDbusUuidgen) {
    put("etc/machine-id", one.text() + "\n");
    put("var/lib/dbus/machine-id", two.text() + "\n");
    start();
    const auto get = [&](IdFile file) {
        std::optional<MachineId> id;
        const auto started = begin(loop, keep(host->get(file), id));
        EXPECT_TRUE(turn_until(loop, [&] { return started->done; }));
        if (started->failure) std::rethrow_exception(started->failure);
        return id;
    };
    EXPECT_EQ(get(IdFile::standard), two);
    EXPECT_EQ(get(IdFile::dbus), two);
    EXPECT_EQ(get(IdFile::etc), one);
    std::filesystem::remove(etc());
    const auto outcome = outcome_of([&] { get(IdFile::etc); });
    EXPECT_TRUE(refuses(outcome, Code::failed, "Failed to open")) << outcome;
}

TEST_F(HostIdentityTest, EnsuredAndLinkedFilesShowAtOnce) {
    start();
    std::optional<IdentityFiles::Ensured> ensured;
    const auto ensure = [&](IdFile file) -> Task<> { ensured = co_await host->ensure(file); };
    run(loop, ensure(IdFile::etc));
    ASSERT_TRUE(ensured);
    EXPECT_TRUE(ensured->created);
    EXPECT_EQ(known().id, ensured->id);
    EXPECT_EQ(content(etc()), ensured->id.text() + "\n");
    const auto id = ensured->id;
    run(loop, ensure(IdFile::etc));
    EXPECT_FALSE(ensured->created);
    EXPECT_EQ(ensured->id, id);
    EXPECT_TRUE(run(loop, host->link_dbus()));
    EXPECT_EQ(known().dbus_state, DbusState::link);
    EXPECT_FALSE(run(loop, host->link_dbus())) << "it is one";
    std::filesystem::remove(dbus());
    put("var/lib/dbus/machine-id", two.text() + "\n");
    const auto outcome = outcome_of([&] { run(loop, host->link_dbus()); });
    EXPECT_TRUE(refuses(outcome, Code::invalid_state)) << outcome;
}

}  // namespace
}  // namespace virtbus::test
