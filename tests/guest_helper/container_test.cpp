// SPDX-License-Identifier: LGPL-2.1-or-later
// Containers, through the tool and the program: nothing of this host is ever reached from below their root.
#include "guest_test.h"
#include "helper_program.h"

#include <sys/stat.h>

#include <fstream>

namespace virtbus::test {

namespace {

class Container : public testing::Test {
protected:
    GuestIdentity read() { return tool_.read_identity(system(), transfer_); }
    GuestIdentity change(const IdentityChange& wanted) { return tool_.change_identity(system(), wanted, transfer_); }
    [[nodiscard]] GuestSystem system() const { return {.disks = {}, .root = tree_.root()}; }

    GuestTree tree_;
    GuestHelperTool tool_{guest_helper_program()};
    Transfer transfer_;
};

TEST_F(Container, IsReadAndAssignedAndSealed) {
    tree_.write("/var/lib/dbus/machine-id", old_id + "\n");
    auto found = read();
    EXPECT_EQ(found.id, id_of(old_id));
    EXPECT_EQ(found.dbus_state, DbusState::same);
    EXPECT_TRUE(found.consistent);
    EXPECT_EQ(found.operating_system, "Debian GNU/Linux 12 (bookworm)");
    EXPECT_EQ(found.hostname, "one");
    auto wanted = assignment(new_id);
    wanted.hostname = "two";
    wanted.expected = id_of(old_id);
    found = change(wanted);
    EXPECT_EQ(found.id, id_of(new_id));
    EXPECT_EQ(found.hostname, "two");
    EXPECT_EQ(tree_.read("/etc/machine-id"), new_id + "\n");
    EXPECT_EQ(tree_.read("/var/lib/dbus/machine-id"), new_id + "\n");
    EXPECT_EQ(change(sealing()).state, IdState::empty);
    EXPECT_EQ(tree_.read("/etc/machine-id"), "");
    EXPECT_TRUE(std::filesystem::is_symlink(tree_.at("/var/lib/dbus/machine-id")));
}

TEST_F(Container, WithAnotherIdThanExpectedStays) {
    auto wanted = assignment(new_id);
    wanted.expected = id_of(third_id);
    EXPECT_REFUSED(stale_generation, "read it again", change(wanted));
    EXPECT_EQ(tree_.read("/etc/machine-id"), old_id + "\n");
}

TEST_F(Container, CannotLeadOutOfItsRoot) {
    GuestTree host;
    host.write("/etc/shadow", "secret\n");
    for (const auto& target :
         {host.at("/etc/shadow").string(), std::string("../../../../../../..") + host.at("/etc/shadow").string()}) {
        tree_.link(target, "/etc/machine-id");
        EXPECT_REFUSED(unsupported_guest, "leads nowhere", read());
        EXPECT_REFUSED(unsupported_guest, "leads nowhere", change(assignment(new_id)));
    }
    tree_.write("/etc/machine-id", old_id + "\n");
    tree_.link(host.at("/etc/shadow").string(), "/etc/hostname");
    auto wanted = assignment(new_id);
    wanted.hostname = "two";
    EXPECT_REFUSED(unsupported_guest, "/etc/hostname is no regular file", change(wanted));
    EXPECT_EQ(host.read("/etc/shadow"), "secret\n");
    EXPECT_EQ(tree_.read("/etc/machine-id"), old_id + "\n");
}

TEST_F(Container, WithAFifoIsRefusedAtOnce) {
    tree_.remove("/etc/machine-id");
    ASSERT_EQ(::mkfifo(tree_.at("/etc/machine-id").c_str(), 0600), 0);
    EXPECT_REFUSED(unsupported_guest, "FIFO", read());
}

TEST_F(Container, WhoseIdCannotBeWrittenKeepsItsHostname) {
    std::filesystem::create_hard_link(tree_.at("/etc/machine-id"), tree_.at("/etc/copy"));
    auto wanted = assignment(new_id);
    wanted.hostname = "two";
    EXPECT_REFUSED(unsupported_guest, "another name", change(wanted));
    EXPECT_EQ(outcome_of([&] { change(wanted); }).text.find("put back"), std::string::npos);
    EXPECT_EQ(tree_.read("/etc/hostname"), "one\n");
    EXPECT_EQ(tree_.read("/etc/hosts"), "127.0.0.1 localhost\n127.0.1.1 one.example.net one\n");
    EXPECT_EQ(tree_.read("/etc/machine-id"), old_id + "\n");
}

TEST_F(Container, ThatIsNowhereIsNamed) {
    EXPECT_REFUSED(failed, "/nonexistent", tool_.read_identity({.disks = {}, .root = "/nonexistent"}, transfer_));
}

TEST(GuestHelper, WantsDisksOrARoot) {
    GuestHelperTool tool(guest_helper_program());
    Transfer transfer;
    EXPECT_REFUSED(invalid_args, "one of them", tool.read_identity({}, transfer));
}

TEST(GuestHelper, RefusesAFormatThatMayBeAWayToSomethingElse) {
    GuestHelperTool tool(guest_helper_program());
    Transfer transfer;
    for (const auto* format : {"", "nbd", "json", "luks", "raw,file.locking=off"})
        EXPECT_REFUSED(not_supported, "/a.img is of format",
                       tool.read_identity({.disks = {{.path = "/a.img", .format = format}}, .root = ""}, transfer));
}

TEST(GuestHelper, RefusesADiskThatIsNoFile) {
    GuestHelperTool tool(guest_helper_program());
    Transfer transfer;
    const auto read = [&](const std::string& path) {
        tool.read_identity({.disks = {{.path = path, .format = "raw"}}, .root = ""}, transfer);
    };
    EXPECT_REFUSED(no_such_image, "/nonexistent.img", read("/nonexistent.img"));
    EXPECT_REFUSED(invalid_args, "/dev/null: it is neither", read("/dev/null"));
    EXPECT_REFUSED(invalid_args, "neither a file nor a block device", read("/tmp"));
}

}  // namespace

}  // namespace virtbus::test
