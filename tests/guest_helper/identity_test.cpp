// SPDX-License-Identifier: LGPL-2.1-or-later
// How a guest's id is judged and changed, on trees of this host's file system: the same code that works in the
// appliance.
#include "guest_test.h"
#include "helper/guest_identity.h"

#include <sys/stat.h>

namespace virtbus::test {

namespace {

const std::string entry = "/boot/loader/entries/a.conf";

struct Judged {
    std::string id;
    bool consistent;
    bool operator==(const Judged&) const = default;
    friend std::ostream& operator<<(std::ostream& stream, const Judged& judged) {
        return stream << judged.id << (judged.consistent ? ", consistent" : ", inconsistent");
    }
};

Judged judge(const std::string& etc_text, const std::string& dbus_text, DbusState state,
             const std::optional<MachineId>& boot = std::nullopt) {
    const auto result = judge_identity(classify(etc_text), classify(dbus_text), state, boot);
    return {result.id ? result.id->text() : "", result.consistent};
}

TEST(BootedIdentity, IsThatOfTheBootEntryThenEtcThenADbusFile) {
    const auto line = old_id + "\n";
    const auto other = new_id + "\n";
    EXPECT_EQ(judge(line, "", DbusState::missing), (Judged{old_id, true}));
    EXPECT_EQ(judge(line, line, DbusState::link), (Judged{old_id, true}));
    EXPECT_EQ(judge(line, line, DbusState::link, id_of(new_id)), (Judged{new_id, true}));
    EXPECT_EQ(judge(line, line, DbusState::same, id_of(new_id)), (Judged{new_id, false}));
    EXPECT_EQ(judge(line, other, DbusState::different), (Judged{old_id, false}));
    EXPECT_EQ(judge("", other, DbusState::different), (Judged{new_id, true}));
    EXPECT_EQ(judge("uninitialized\n", other, DbusState::different), (Judged{new_id, true}));
    EXPECT_EQ(judge("rubbish", other, DbusState::different), (Judged{new_id, true}));
    EXPECT_EQ(judge("", "", DbusState::link), (Judged{"", false}));
}

TEST(BootedIdentity, OfZerosIsNone) {
    const auto zeros = std::string(32, '0') + "\n";
    EXPECT_EQ(judge(zeros, new_id + "\n", DbusState::different), (Judged{"", false}));
    EXPECT_EQ(judge("", zeros, DbusState::invalid), (Judged{"", false}));
}

TEST(BootedIdentity, IsInconsistentWhereOneOfTheParsersTakesAnother) {
    const auto line = old_id + "\n";
    EXPECT_EQ(judge(old_id, "", DbusState::missing), (Judged{old_id, false}));  // GLib wants the newline
    EXPECT_EQ(judge("0123456789ABCDEF0123456789abcdef\n", "", DbusState::missing), (Judged{old_id, false}));
    EXPECT_EQ(judge(line, "", DbusState::empty), (Judged{old_id, false}));  // GLib takes the empty file
    EXPECT_EQ(judge(line, "rubbish", DbusState::invalid), (Judged{old_id, false}));
}

class Identity : public testing::Test {
protected:
    GuestIdentity read() { return read_guest_identity(files_); }
    GuestIdentity change(const IdentityChange& wanted) {
        return change_guest_identity(files_, wanted, [] {});
    }

    GuestTree tree_;
    TreeFiles files_{tree_};
};

TEST_F(Identity, IsReadWithAllThatIsKnown) {
    tree_.link("/etc/machine-id", dbus_path);
    tree_.write(entry, "options systemd.machine_id=" + new_id);
    const auto found = read();
    EXPECT_EQ(found.state, IdState::valid);
    EXPECT_EQ(found.dbus_state, DbusState::link);
    EXPECT_EQ(found.id, id_of(new_id));
    EXPECT_TRUE(found.consistent);
    EXPECT_EQ(found.overrides, std::vector{"loader-entry:" + entry});
    EXPECT_EQ(found.hostname, "one");
}

TEST_F(Identity, OfSeveralBootEntriesThatDisagreeIsUnknown) {
    tree_.write(entry, "options systemd.machine_id=" + new_id);
    tree_.write("/boot/loader/entries/b.conf", "options systemd.machine_id=" + third_id);
    EXPECT_EQ(read().id, std::nullopt);
    EXPECT_REFUSED(unsupported_guest, "/boot/loader/entries", change(assignment(new_id)));
}

TEST_F(Identity, IsNotChangedByWhatOnlyMakesEntries) {
    tree_.write("/etc/kernel/cmdline", "systemd.machine_id=" + new_id);
    EXPECT_EQ(read().id, id_of(old_id));
}

TEST_F(Identity, IsAssignedToBothFilesInPlace) {
    tree_.write(dbus_path, old_id + "\n");
    std::filesystem::permissions(tree_.at(etc_path), std::filesystem::perms(0440));
    struct stat before {};
    ASSERT_EQ(::stat(tree_.at(etc_path).c_str(), &before), 0);
    const auto found = change(assignment(new_id));
    EXPECT_EQ(found.id, id_of(new_id));
    EXPECT_EQ(found.dbus_state, DbusState::same);
    EXPECT_TRUE(found.consistent);
    EXPECT_EQ(tree_.read(etc_path), new_id + "\n");
    EXPECT_EQ(tree_.read(dbus_path), new_id + "\n");
    struct stat after {};
    ASSERT_EQ(::stat(tree_.at(etc_path).c_str(), &after), 0);
    EXPECT_EQ(after.st_ino, before.st_ino);
    EXPECT_EQ(after.st_mode, before.st_mode);
}

TEST_F(Identity, IsAssignedWhateverWasThere) {
    for (const auto& content :
         std::vector<std::string>{"", "uninitialized\n", "rubbish\n", old_id, "0123456789ABCDEF0123456789ABCDEF\n",
                                  std::string(32, '0') + "\n", std::string(5'000, 'x')}) {
        tree_.write(etc_path, content);
        EXPECT_EQ(change(assignment(new_id)).state, IdState::valid) << content;
        EXPECT_EQ(tree_.read(etc_path), new_id + "\n");
    }
}

TEST_F(Identity, IsMadeWhereTheFileIsMissingAndTheDbusLinkStays) {
    tree_.remove(etc_path);
    tree_.link("/etc/machine-id", dbus_path);
    EXPECT_EQ(change(assignment(new_id)).dbus_state, DbusState::link);
    EXPECT_EQ(tree_.read(etc_path), new_id + "\n");
    struct stat after {};
    ASSERT_EQ(::stat(tree_.at(etc_path).c_str(), &after), 0);
    EXPECT_EQ(after.st_mode & 07777U, 0444U);
}

TEST_F(Identity, FollowsALinkToAFileThatHoldsOne) {
    tree_.write("/var/lib/id", old_id + "\n");
    tree_.link("../var/lib/id", etc_path);
    EXPECT_EQ(change(assignment(new_id)).id, id_of(new_id));
    EXPECT_EQ(tree_.read("/var/lib/id"), new_id + "\n");
    EXPECT_TRUE(std::filesystem::is_symlink(tree_.at(etc_path)));
}

TEST_F(Identity, NeverFollowsALinkToSomethingElse) {
    const std::string secret = "root:$y$j9T$secret:19000:0:99999:7:::\n";
    tree_.write("/etc/shadow", secret);
    tree_.link("/etc/shadow", etc_path);
    EXPECT_EQ(read().state, IdState::invalid);
    EXPECT_REFUSED(unsupported_guest, "holds no machine-id", change(assignment(new_id)));
    EXPECT_REFUSED(unsupported_guest, "holds no machine-id", change(sealing()));
    EXPECT_EQ(tree_.read("/etc/shadow"), secret);
}

TEST_F(Identity, LeadsADbusLinkRightThatLedElsewhere) {
    tree_.write("/var/lib/dbus/other", third_id + "\n");
    tree_.link("other", dbus_path);
    EXPECT_EQ(read().dbus_state, DbusState::different);
    EXPECT_EQ(change(assignment(new_id)).dbus_state, DbusState::link);
    EXPECT_EQ(tree_.read("/var/lib/dbus/other"), third_id + "\n");
}

TEST_F(Identity, OfOneFileWithTwoNamesIsWrittenOnce) {
    std::filesystem::create_hard_link(tree_.at(etc_path), tree_.at(dbus_path));
    EXPECT_EQ(change(assignment(new_id)).dbus_state, DbusState::same);
    EXPECT_EQ(tree_.read(dbus_path), new_id + "\n");
}

TEST_F(Identity, InAFileWithStrangeNamesIsRefused) {
    std::filesystem::create_hard_link(tree_.at(etc_path), tree_.at("/etc/copy"));
    EXPECT_REFUSED(unsupported_guest, "/etc/machine-id has another name", change(assignment(new_id)));
    tree_.remove("/etc/copy");
    tree_.write(dbus_path, old_id + "\n");
    std::filesystem::create_hard_link(tree_.at(dbus_path), tree_.at("/etc/copy"));
    EXPECT_REFUSED(unsupported_guest, "/var/lib/dbus/machine-id has another name", change(assignment(new_id)));
    EXPECT_EQ(tree_.read(etc_path), old_id + "\n");
}

TEST_F(Identity, IsRefusedWhereItIsNoFile) {
    tree_.remove(etc_path);
    std::filesystem::create_directory(tree_.at(etc_path));
    EXPECT_REFUSED(unsupported_guest, "is a directory", read());
    tree_.remove(etc_path);
    ASSERT_EQ(::mkfifo(tree_.at(etc_path).c_str(), 0600), 0);
    EXPECT_REFUSED(unsupported_guest, "FIFO", read());
    tree_.link("machine-id", etc_path);
    EXPECT_REFUSED(unsupported_guest, "leads nowhere", read());
    tree_.link("nowhere", etc_path);
    EXPECT_REFUSED(unsupported_guest, "leads nowhere", read());
    tree_.write(etc_path, "");
    std::filesystem::resize_file(tree_.at(etc_path), std::uint64_t{2} << 30);
    EXPECT_REFUSED(unsupported_guest, "2147483648 bytes", read());
}

TEST_F(Identity, WithAStrangeDbusFileIsReadAndNotChanged) {
    ASSERT_EQ(::mkfifo(tree_.at(dbus_path).c_str(), 0600), 0);
    EXPECT_EQ(read().dbus_state, DbusState::invalid);
    EXPECT_REFUSED(unsupported_guest, "/var/lib/dbus/machine-id is no regular file", change(assignment(new_id)));
    EXPECT_EQ(tree_.read(etc_path), old_id + "\n");
}

TEST_F(Identity, OfABootEntryIsRewrittenWithTheFile) {
    tree_.write(entry, "title x\noptions a systemd.machine_id=" + old_id + " b\n");
    tree_.write("/etc/kernel/cmdline", "systemd.machine_id=" + old_id);
    const auto found = change(assignment(new_id));
    EXPECT_EQ(found.id, id_of(new_id));
    EXPECT_EQ(tree_.read(entry), "title x\noptions a systemd.machine_id=" + new_id + " b\n");
    EXPECT_EQ(tree_.read("/etc/kernel/cmdline"), "systemd.machine_id=" + new_id);
}

TEST_F(Identity, IsNotChangedWhereABootEntryMustStay) {
    tree_.write(entry, "options systemd.machine_id=" + old_id);
    auto wanted = assignment(new_id);
    wanted.boot_entries = false;
    EXPECT_REFUSED(unsupported_guest, entry, change(wanted));
    EXPECT_EQ(tree_.read(etc_path), old_id + "\n");
    // One that sets the new id already is no hindrance.
    tree_.write(entry, "options systemd.machine_id=" + new_id);
    EXPECT_EQ(change(wanted).id, id_of(new_id));
}

TEST_F(Identity, IsNotChangedWhereABootEntrySetsAStrangersId) {
    tree_.write("/etc/kernel/cmdline", "systemd.machine_id=" + third_id);
    EXPECT_REFUSED(unsupported_guest, "/etc/kernel/cmdline", change(assignment(new_id)));
    EXPECT_EQ(tree_.read(etc_path), old_id + "\n");
}

TEST_F(Identity, IsSealedSoThatNothingBringsItBack) {
    tree_.write(dbus_path, old_id + "\n");
    tree_.write(entry, "options systemd.machine_id=" + old_id + " quiet\n");
    const auto found = change(sealing());
    EXPECT_EQ(found.id, std::nullopt);
    EXPECT_EQ(found.state, IdState::empty);
    EXPECT_EQ(found.dbus_state, DbusState::link);
    EXPECT_EQ(tree_.read(etc_path), "");
    EXPECT_EQ(std::filesystem::read_symlink(tree_.at(dbus_path)), "/etc/machine-id");
    EXPECT_EQ(tree_.read(entry), "options " + std::string(51, ' ') + " quiet\n");
    EXPECT_FALSE(tree_.exists(dbus_path + ".virtbus-old"));
}

TEST_F(Identity, IsSealedForAFirstBootToCome) {
    EXPECT_EQ(change(sealing(true)).state, IdState::uninitialized);
    EXPECT_EQ(tree_.read(etc_path), "uninitialized\n");
    EXPECT_FALSE(tree_.exists(dbus_path));
}

TEST_F(Identity, IsNotSealedWhereNothingWouldFillIt) {
    tree_.remove("/usr/lib/systemd");
    EXPECT_REFUSED(unsupported_guest, "no systemd", change(sealing()));
    EXPECT_EQ(tree_.read(etc_path), old_id + "\n");
}

TEST_F(Identity, ThatIsNotTheExpectedOneStays) {
    auto wanted = assignment(new_id);
    wanted.expected = id_of(third_id);
    bool has_begun = false;
    EXPECT_REFUSED(stale_generation, "another machine-id",
                   change_guest_identity(files_, wanted, [&] { has_begun = true; }));
    EXPECT_FALSE(has_begun);
    EXPECT_EQ(tree_.read(etc_path), old_id + "\n");
    wanted.expected = id_of(old_id);
    EXPECT_EQ(change(wanted).id, id_of(new_id));
}

TEST_F(Identity, ComesWithAHostname) {
    auto wanted = assignment(new_id);
    wanted.hostname = "two";
    EXPECT_EQ(change(wanted).hostname, "two");
    EXPECT_EQ(tree_.read("/etc/hostname"), "two\n");
    EXPECT_EQ(tree_.read("/etc/hosts"), "127.0.0.1 localhost\n127.0.1.1 two.example.net two\n");
    wanted.hostname = "no good";
    EXPECT_REFUSED(invalid_args, "\"no good\" is no hostname", change(wanted));
}

TEST_F(Identity, IsWholeOrAsBeforeWhereverItFails) {
    tree_.write(dbus_path, old_id + "\n");
    tree_.write(entry, "options systemd.machine_id=" + old_id + " quiet\n");
    const std::vector<std::string> paths{etc_path, dbus_path, entry, "/etc/hostname", "/etc/hosts"};
    const auto contents = [&] {
        std::vector<std::string> all;
        for (const auto& path : paths) all.push_back(tree_.read(path));
        return all;
    };
    const auto before = contents();
    for (auto wanted : {assignment(new_id), sealing(), sealing(true)}) {
        wanted.hostname = "a-longer-name";
        int failures = 0;
        for (bool is_done = false; !is_done; ++failures) {
            TreeFiles files(tree_);
            files.fails_after = failures;
            const auto outcome = outcome_of([&] { change_guest_identity(files, wanted, [] {}); });
            is_done = !outcome.failed;
            if (is_done) break;
            EXPECT_TRUE(refuses(outcome, Code::no_space)) << outcome;
            EXPECT_EQ(outcome.text, "No space left on device");
            EXPECT_EQ(contents(), before) << "after " << failures << " changes";
            EXPECT_FALSE(std::filesystem::is_symlink(tree_.at(dbus_path)));
        }
        EXPECT_GE(failures, 5);
        // As before, for the next.
        tree_.remove(dbus_path);
        for (std::size_t i = 0; i < paths.size(); ++i) tree_.write(paths[i], before[i]);
    }
}

}  // namespace

}  // namespace virtbus::test
