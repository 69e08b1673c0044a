// SPDX-License-Identifier: LGPL-2.1-or-later
// Another id for a system: replaced while it runs, assigned while it does not; made a template; its dbus file a link.
#include "machine_id/small_system.h"

#include "model/error.h"
#include "model/file_change.h"
#include "support/errors.h"

#include <gmock/gmock.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include <csignal>
#include <cstdlib>

namespace virtbus::test {
namespace {

namespace fs = std::filesystem;

struct ::stat status_of(const fs::path& path) {
    struct ::stat found {};
    if (::lstat(path.c_str(), &found) != 0) throw std::runtime_error("cannot look at " + path.string());
    return found;
}

class Changing : public RootTest {
protected:
    Changing() { write_file(system_.etc(), id_a + "\n"); }

    void link_dbus_file() { fs::create_symlink("/etc/machine-id", system_.dbus()); }
    void copy_dbus_file() { fs::copy_file(system_.etc(), system_.dbus()); }

    /// By the programs' own words.
    void expect_id(const MachineId& id) {
        EXPECT_EQ(system_.systemd_says(), id.text());
        EXPECT_EQ(line_in(system_.dbus_uuidgen("--get").output), id.text());
        EXPECT_TRUE(system_.files().read().consistent);
    }
    void expect_unchanged() {
        EXPECT_EQ(read_file(system_.etc()), id_a + "\n");
        expect_no_leftovers();
    }
    void expect_no_leftovers() {
        EXPECT_THAT(system_.names(), testing::Not(testing::Contains(testing::HasSubstr(".virtbus"))));
    }

    SmallSystem system_;
    const MachineId new_id_ = MachineId::random();
};

TEST_F(Changing, ReplacesTheFileByAnotherThatIsLikeIt) {
    link_dbus_file();
    ASSERT_EQ(::chmod(system_.etc().c_str(), 0440), 0);
    ASSERT_EQ(::chown(system_.etc().c_str(), 12, 34), 0);
    const auto before = status_of(system_.etc());
    system_.files().replace(new_id_);
    const auto after = status_of(system_.etc());
    EXPECT_NE(after.st_ino, before.st_ino);
    EXPECT_EQ(after.st_mode, before.st_mode);
    EXPECT_EQ(after.st_uid, 12U);
    EXPECT_EQ(after.st_gid, 34U);
    EXPECT_EQ(state_of(system_.dbus()).kind, "link");
    expect_id(new_id_);
    expect_no_leftovers();
}

TEST_F(Changing, KeepsTheLabelOfSelinux) {
    const std::string label = "system_u:object_r:machineid_t:s0";
    ASSERT_EQ(::setxattr(system_.etc().c_str(), "security.selinux", label.data(), label.size(), 0), 0);
    for (const bool runs : {true, false}) {
        auto files = system_.files();
        runs ? files.replace(new_id_) : files.assign(new_id_);
        std::string found(100, '\0');
        const auto size = ::getxattr(system_.etc().c_str(), "security.selinux", found.data(), found.size());
        EXPECT_EQ(found.substr(0, static_cast<std::size_t>(std::max(size, ::ssize_t{0}))), label);
    }
}

TEST_F(Changing, AssignsInPlace) {
    copy_dbus_file();
    ASSERT_EQ(::chmod(system_.etc().c_str(), 0444), 0);
    ASSERT_EQ(::chown(system_.etc().c_str(), 12, 34), 0);
    const auto etc = status_of(system_.etc());
    const auto dbus = status_of(system_.dbus());
    system_.files().assign(new_id_);
    EXPECT_EQ(status_of(system_.etc()).st_ino, etc.st_ino);
    EXPECT_EQ(status_of(system_.etc()).st_mode, etc.st_mode);
    EXPECT_EQ(status_of(system_.etc()).st_uid, 12U);
    EXPECT_EQ(status_of(system_.dbus()).st_ino, dbus.st_ino);
    expect_id(new_id_);
}

TEST_F(Changing, GivesBothFilesTheIdWhateverWasInThem) {
    for (const std::string etc : {"", "uninitialized\n", "junk", "0123456789ABCDEF0123456789ABCDEF",
                                  "long and longer\n"
                                  "than an id has ever been before, or will ever be\n"})
        for (const std::string dbus : {"", "junk\n", "fedcba9876543210fedcba9876543210"})
            for (const bool runs : {true, false}) {
                SCOPED_TRACE(etc + " " + dbus + (runs ? " replace" : " assign"));
                write_file(system_.etc(), etc);
                write_file(system_.dbus(), dbus);
                const auto id = MachineId::random();
                auto files = system_.files();
                runs ? files.replace(id) : files.assign(id);
                EXPECT_EQ(read_file(system_.etc()), id.text() + "\n");
                EXPECT_EQ(read_file(system_.dbus()), id.text() + "\n");
                expect_id(id);
            }
}

TEST_F(Changing, MakesAMissingEtcFileAndNoDbusFile) {
    for (const bool runs : {true, false}) {
        fs::remove(system_.etc());
        auto files = system_.files();
        runs ? files.replace(new_id_) : files.assign(new_id_);
        EXPECT_EQ(state_of(system_.etc()).mode, 0444U);
        EXPECT_EQ(state_of(system_.dbus()).kind, "absent");
        expect_id(new_id_);
    }
}

TEST_F(Changing, GivesAMissingFileToTheOwnerOfTheTree) {
    fs::remove(system_.etc());
    ASSERT_EQ(::chown(system_.root().c_str(), 100'000, 100'000), 0);
    system_.files().assign(new_id_);
    EXPECT_EQ(state_of(system_.etc()).owner, 100'000U);
}

TEST_F(Changing, KeepsALinkAndChangesWhatItLeadsTo) {
    for (const bool runs : {true, false}) {
        fs::remove(system_.etc());
        fs::create_directories(system_.root() / "persistent");
        write_file(system_.root() / "persistent/id", id_a + "\n");
        fs::create_symlink("../persistent/id", system_.etc());
        auto files = system_.files();
        runs ? files.replace(new_id_) : files.assign(new_id_);
        EXPECT_EQ(state_of(system_.etc()).content, "../persistent/id");
        EXPECT_EQ(read_file(system_.root() / "persistent/id"), new_id_.text() + "\n");
        expect_id(new_id_);
    }
}

TEST_F(Changing, ChangesADbusFileThatALinkLeadsTo) {
    write_file(system_.root() / "etc/other-id", id_b + "\n");
    fs::create_symlink("/etc/other-id", system_.dbus());
    for (const bool runs : {true, false}) {
        const auto id = MachineId::random();
        auto files = system_.files();
        runs ? files.replace(id) : files.assign(id);
        EXPECT_EQ(state_of(system_.dbus()).kind, "link");
        expect_id(id);
    }
}

TEST_F(Changing, LeavesAFileWithoutAnIdThatADbusLinkLeadsTo) {
    write_file(system_.root() / "etc/passwd", "root:x:0:0\n");
    fs::create_symlink("/etc/passwd", system_.dbus());
    auto files = system_.files();
    files.replace(new_id_);
    files.assign(new_id_);
    EXPECT_EQ(read_file(system_.root() / "etc/passwd"), "root:x:0:0\n");
    EXPECT_EQ(system_.systemd_says(), new_id_.text());
    EXPECT_FALSE(files.read().consistent);  // GLib does not go on to the other file
}

TEST_F(Changing, ChangesTwoNamesOfOneFile) {
    fs::create_hard_link(system_.etc(), system_.dbus());
    system_.files().assign(new_id_);
    EXPECT_EQ(status_of(system_.etc()).st_ino, status_of(system_.dbus()).st_ino);
    expect_id(new_id_);
    const auto id = MachineId::random();
    system_.files().replace(id);
    expect_id(id);
}

TEST_F(Changing, RefusesAFileWithANameElsewhere) {
    // As in a copy of a container's tree by links, cp -al.
    copy_dbus_file();
    for (const auto& shared : {system_.etc(), system_.dbus()}) {
        const auto other = system_.base() / "other";
        fs::create_hard_link(shared, other);
        EXPECT_THAT(system_.files().read().obstacles, testing::ElementsAre("hard-link"));
        EXPECT_TRUE(refuses(outcome_of([&] { system_.files().assign(new_id_); }), Code::invalid_state));
        EXPECT_TRUE(refuses(outcome_of([&] { system_.files().replace(new_id_); }), Code::invalid_state));
        EXPECT_TRUE(refuses(outcome_of([&] { system_.files().seal(false); }), Code::invalid_state));
        EXPECT_EQ(read_file(other), id_a + "\n");
        fs::remove(other);
    }
    expect_unchanged();
}

TEST_F(Changing, RefusesWhatIsNoFileAndALinkToNothing) {
    const auto refused = [&](const std::string& what) {
        SCOPED_TRACE(what);
        const auto before = state_of(system_.etc());
        for (const auto& change : std::vector<std::function<void(IdentityFiles)>>{
                 [&](IdentityFiles files) { files.replace(new_id_); },
                 [&](IdentityFiles files) { files.assign(new_id_); }, [&](IdentityFiles files) { files.seal(true); }})
            EXPECT_TRUE(refuses(outcome_of([&] { change(system_.files()); }), Code::failed));
        EXPECT_EQ(state_of(system_.etc()), before);
        expect_no_leftovers();
        fs::remove(system_.etc());
    };
    fs::remove(system_.etc());
    fs::create_directory(system_.etc());
    refused("directory");
    ASSERT_EQ(::mkfifo(system_.etc().c_str(), 0644), 0);
    refused("FIFO");
    fs::create_symlink("/nothing", system_.etc());
    refused("link to nothing");
    fs::create_symlink("machine-id", system_.etc());
    refused("link to itself");
    fs::create_symlink("/etc", system_.etc());
    refused("link to a directory");
    fs::remove(system_.etc().parent_path());
    refused("no directory");
}

TEST_F(Changing, SealsByAnEmptyFileOrTheWord) {
    for (const bool uninitialized : {false, true}) {
        fs::remove(system_.dbus());
        write_file(system_.etc(), id_a + "\n");
        copy_dbus_file();
        const auto before = status_of(system_.etc());
        system_.files().seal(uninitialized);
        EXPECT_EQ(status_of(system_.etc()).st_ino, before.st_ino);
        EXPECT_EQ(read_file(system_.etc()), uninitialized ? "uninitialized\n" : "");
        EXPECT_EQ(state_of(system_.dbus()).content, "/etc/machine-id");
        EXPECT_EQ(system_.files().read().dbus_state, DbusState::link);
        expect_no_leftovers();
    }
}

TEST_F(Changing, SealsSoThatSystemdDoesNotTakeTheOldIdAgain) {
    copy_dbus_file();
    system_.files().seal(false);
    const auto made = "systemd-machine-id-setup >/dev/null 2>&1 --root=" + system_.root().string();
    ASSERT_EQ(std::system(made.c_str()), 0);
    EXPECT_NE(system_.systemd_says(), id_a);
    EXPECT_TRUE(MachineId::parse(system_.systemd_says()));
    expect_id(MachineId::parse(system_.systemd_says()).value());
}

TEST_F(Changing, SealsALinkToAFileOfItsOwn) {
    write_file(system_.root() / "etc/other-id", id_b + "\n");
    fs::create_symlink("/etc/other-id", system_.dbus());
    system_.files().seal(false);
    EXPECT_EQ(system_.files().read().dbus_state, DbusState::link);
    EXPECT_EQ(read_file(system_.root() / "etc/other-id"), id_b + "\n");
}

TEST_F(Changing, LinksTheDbusFileOnlyIfNoIdIsLost) {
    EXPECT_TRUE(system_.files().link_dbus());  // it was missing
    EXPECT_EQ(state_of(system_.dbus()).content, "/etc/machine-id");
    EXPECT_FALSE(system_.files().link_dbus());
    fs::remove(system_.dbus());
    copy_dbus_file();
    EXPECT_TRUE(system_.files().link_dbus());
    EXPECT_EQ(state_of(system_.dbus()).content, "/etc/machine-id");
    expect_no_leftovers();
    for (const auto& other : {id_b + "\n", std::string(), std::string("junk\n")}) {
        fs::remove(system_.dbus());
        write_file(system_.dbus(), other);
        EXPECT_TRUE(refuses(outcome_of([&] { system_.files().link_dbus(); }), Code::invalid_state));
        EXPECT_EQ(read_file(system_.dbus()), other);
    }
    write_file(system_.etc(), "");
    fs::remove(system_.dbus());
    EXPECT_TRUE(refuses(outcome_of([&] { system_.files().link_dbus(); }), Code::invalid_state));
    expect_no_leftovers();
}

TEST_F(Changing, TakesAFreePlaceOnlyWhileItIsFree) {
    // Who does not lock, dbus-uuidgen or systemd, may come between a look and a change.
    const SystemRoot root(system_.root().string());
    const auto place = root.place("/etc/machine-id");
    ASSERT_TRUE(place);
    EXPECT_FALSE(Replacement::file(*place, id_b + "\n", {}).take_free_place());
    expect_unchanged();
    fs::remove(system_.etc());
    fs::create_symlink("/nothing", system_.etc());
    EXPECT_FALSE(Replacement::file(*place, id_b + "\n", {}).take_free_place());
    fs::remove(system_.etc());
    EXPECT_TRUE(Replacement::file(*place, id_b + "\n", {}).take_free_place());
    EXPECT_EQ(read_file(system_.etc()), id_b + "\n");
    expect_no_leftovers();
}

TEST_F(Changing, PutsBackWhatWasThereWhenAWriteEndsHalfway) {
    write_file(system_.etc(), "junk");
    const auto ended = run_in_child([&] {
        const ::rlimit limit{16, 16};  // bytes: half an id
        if (::signal(SIGXFSZ, SIG_IGN) == SIG_ERR || ::setrlimit(RLIMIT_FSIZE, &limit) != 0) return 2;
        return outcome_of([&] { system_.files().assign(new_id_); }).failed ? 0 : 1;
    });
    EXPECT_EQ(ended.status, 0) << ended.errors;
    EXPECT_EQ(read_file(system_.etc()), "junk");
}

TEST_F(Changing, RemovesWhatAKilledOneLeft) {
    copy_dbus_file();
    write_file(system_.root() / "etc/.machine-id.virtbus", "half");
    write_file(system_.root() / "var/lib/dbus/.machine-id.virtbus", "half");
    system_.files().assign(new_id_);
    expect_no_leftovers();
    // One that was killed between link(2) and unlink(2): the file has two names, which is no obstacle.
    fs::create_hard_link(system_.etc(), system_.root() / "etc/.machine-id.virtbus");
    system_.files().assign(MachineId::random());
    expect_no_leftovers();
}

}  // namespace
}  // namespace virtbus::test
