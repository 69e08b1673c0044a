// SPDX-License-Identifier: LGPL-2.1-or-later
// What stands in the way of another id is seen and named, and a disk that is full takes nothing away.
#include "machine_id/small_system.h"

#include "model/error.h"
#include "support/errors.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <linux/fs.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/statvfs.h>

#include <cerrno>
#include <cstdlib>

namespace virtbus::test {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::IsEmpty;

class Obstacle : public RootTest {
protected:
    Obstacle() {
        write_file(system_.etc(), id_a + "\n");
        write_file(system_.dbus(), id_a + "\n");
    }

    std::vector<std::string> obstacles() { return system_.files().read().obstacles; }
    Outcome replaced() {
        return outcome_of([&] { system_.files().replace(new_id_); });
    }
    Outcome assigned() {
        return outcome_of([&] { system_.files().assign(new_id_); });
    }
    Outcome sealed() {
        return outcome_of([&] { system_.files().seal(false); });
    }
    void expect_refused() {
        for (const auto& outcome : {replaced(), assigned(), sealed()}) {
            EXPECT_TRUE(refuses(outcome, Code::invalid_state, "The machine-id of " + system_.root().string()))
                << outcome;
        }
        EXPECT_EQ(read_file(system_.etc()), id_a + "\n");
        EXPECT_EQ(read_file(system_.dbus()), id_a + "\n");
        EXPECT_THAT(system_.names(), ElementsAre("etc/machine-id", "var/lib/dbus/machine-id"));
    }

    SmallSystem system_;
    const MachineId new_id_ = MachineId::random();
};

TEST_F(Obstacle, IsNoneInAnOrdinarySystem) { EXPECT_THAT(obstacles(), IsEmpty()); }

TEST_F(Obstacle, IsAFileThatIsMountedOverEither) {
    const auto over = system_.base() / "over";
    write_file(over, id_a + "\n");
    for (const auto& file : {system_.etc(), system_.dbus()}) {
        const Mounted mounted(over, file, "", MS_BIND);
        EXPECT_THAT(obstacles(), ElementsAre("mount-point"));
        expect_refused();
        EXPECT_EQ(read_file(over), id_a + "\n");
    }
    EXPECT_THAT(obstacles(), IsEmpty());
}

TEST_F(Obstacle, IsAMountedFileThatALinkLeadsTo) {
    write_file(system_.root() / "etc/other", id_a + "\n");
    fs::remove(system_.etc());
    fs::create_symlink("other", system_.etc());
    const Mounted mounted(system_.dbus(), system_.root() / "etc/other", "", MS_BIND);
    EXPECT_THAT(obstacles(), ElementsAre("mount-point"));
}

TEST_F(Obstacle, IsTheTransientIdOfAYoungSystem) {
    // As systemd makes it: a file in memory, mounted over the one on the disk, read-only.
    const auto run = system_.base() / "run";
    fs::create_directory(run);
    const Mounted memory("tmpfs", run, "tmpfs", 0);
    write_file(run / "machine-id", id_b + "\n");
    const Mounted mounted(run / "machine-id", system_.etc(), "", MS_BIND);
    ASSERT_EQ(::mount("none", system_.etc().c_str(), nullptr, MS_BIND | MS_REMOUNT | MS_RDONLY, nullptr), 0);
    const auto reading = system_.files().read();
    EXPECT_EQ(reading.id->text(), id_b);
    EXPECT_THAT(reading.obstacles, ElementsAre("mount-point", "tmpfs", "read-only"));
    EXPECT_TRUE(refuses(replaced(), Code::invalid_state));
    EXPECT_TRUE(refuses(assigned(), Code::invalid_state));
}

TEST_F(Obstacle, IsTmpfsForASystemThatRunsOnly) {
    const Mounted memory("tmpfs", system_.root() / "etc", "tmpfs", 0);
    write_file(system_.etc(), id_a + "\n");
    EXPECT_THAT(obstacles(), ElementsAre("tmpfs"));
    EXPECT_TRUE(refuses(replaced(), Code::invalid_state));
    EXPECT_EQ(read_file(system_.etc()), id_a + "\n");
    EXPECT_FALSE(assigned().failed);
    EXPECT_EQ(read_file(system_.etc()), new_id_.text() + "\n");
}

TEST_F(Obstacle, IsAReadOnlyFileSystem) {
    const Mounted mounted(system_.root(), system_.root(), "", MS_BIND);
    ASSERT_EQ(::mount("none", system_.root().c_str(), nullptr, MS_BIND | MS_REMOUNT | MS_RDONLY, nullptr), 0);
    EXPECT_THAT(obstacles(), ElementsAre("read-only"));
    expect_refused();
    EXPECT_EQ(system_.files().ensure(IdFile::standard).id.text(), id_a);
}

/// chattr +i, until the end.
class Immutable {
public:
    explicit Immutable(const fs::path& path, int flag) : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
        can_be_ = ::ioctl(fd_.get(), FS_IOC_GETFLAGS, &before_) == 0;
        const int now = before_ | flag;
        can_be_ = can_be_ && ::ioctl(fd_.get(), FS_IOC_SETFLAGS, &now) == 0;
    }
    Immutable(const Immutable&) = delete;
    Immutable& operator=(const Immutable&) = delete;
    ~Immutable() {
        if (can_be_) ::ioctl(fd_.get(), FS_IOC_SETFLAGS, &before_);
    }
    [[nodiscard]] bool can_be() const { return can_be_; }

private:
    UniqueFd fd_;
    int before_ = 0;
    bool can_be_ = false;
};

TEST_F(Obstacle, IsAFileThatMayNotChange) {
    for (const auto& [path, flag] : std::vector<std::pair<fs::path, int>>{{system_.etc(), FS_IMMUTABLE_FL},
                                                                          {system_.dbus(), FS_IMMUTABLE_FL},
                                                                          {system_.etc(), FS_APPEND_FL},
                                                                          {system_.root() / "etc", FS_IMMUTABLE_FL}}) {
        SCOPED_TRACE(path);
        const Immutable file(path, flag);
        if (!file.can_be()) GTEST_SKIP() << "NOT TESTED: the file system of /var/tmp has no immutable files";
        EXPECT_THAT(obstacles(), ElementsAre("read-only"));
        expect_refused();
    }
}

TEST_F(Obstacle, IsALockThatSomebodyHolds) {
    const UniqueFd root(::open(system_.root().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    ASSERT_EQ(::flock(root.get(), LOCK_EX), 0);
    EXPECT_TRUE(refuses(assigned(), Code::busy, "Somebody holds a lock"));
    EXPECT_EQ(read_file(system_.etc()), id_a + "\n");
    EXPECT_EQ(system_.files().get(IdFile::standard).text(), id_a);  // reading goes on
}

/// A small file system that is full: on a disk, since one in memory is an obstacle of its own.
class FullDisk : public RootTest {
protected:
    FullDisk() {
        const auto image = system_.base() / "disk";
        write_file(image, "");
        fs::resize_file(image, 2 << 20);
        ok_ = std::system(("mkfs.ext4 -q -O ^has_journal -m 0 " + image.string()).c_str()) == 0;
    }
    void SetUp() override {
        RootTest::SetUp();
        if (IsSkipped()) return;
        ASSERT_TRUE(ok_);
    }
    void TearDown() override {
        for (const auto& path : mounted_) ::umount2(path.c_str(), MNT_DETACH);
    }

    /// It becomes what is at `path`.
    void mount_on(const fs::path& path) {
        const auto act = "mount -o loop " + (system_.base() / "disk").string() + " " + path.string();
        ASSERT_EQ(std::system(act.c_str()), 0);
        mounted_.push_back(path);
    }
    static void fill(const fs::path& directory) {
        const UniqueFd fd(::open((directory / "filling").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
        for (const auto size : {std::size_t{4096}, std::size_t{1}}) {
            const std::string block(size, 'x');
            while (::write(fd.get(), block.data(), block.size()) > 0) {
            }
        }
        struct ::statvfs found {};
        ASSERT_EQ(::statvfs(directory.c_str(), &found), 0);
        ASSERT_EQ(found.f_bavail, 0U);
    }

    SmallSystem system_;
    const MachineId new_id_ = MachineId::random();

private:
    bool ok_ = false;
    std::vector<fs::path> mounted_;
};

TEST_F(FullDisk, LeavesAnIdAsItWas) {
    mount_on(system_.root() / "etc");
    write_file(system_.etc(), id_a + "\n");
    fill(system_.root() / "etc");
    const auto outcome = outcome_of([&] { system_.files().replace(new_id_); });
    EXPECT_TRUE(refuses(outcome, Code::no_space)) << outcome;
    EXPECT_EQ(read_file(system_.etc()), id_a + "\n");
    EXPECT_FALSE(fs::exists(system_.root() / "etc/.machine-id.virtbus"));
    // In place, no more room is needed than there is.
    system_.files().assign(new_id_);
    EXPECT_EQ(read_file(system_.etc()), new_id_.text() + "\n");
}

TEST_F(FullDisk, LeavesAnEmptyFileEmptyAndAMissingOneMissing) {
    mount_on(system_.root() / "etc");
    write_file(system_.etc(), "");
    fill(system_.root() / "etc");
    EXPECT_TRUE(refuses(outcome_of([&] { system_.files().assign(new_id_); }), Code::no_space));
    EXPECT_EQ(state_of(system_.etc()).content, "");
    EXPECT_EQ(state_of(system_.etc()).kind, "file");
    EXPECT_TRUE(refuses(outcome_of([&] { system_.files().seal(true); }), Code::no_space));
    EXPECT_EQ(state_of(system_.etc()).content, "");
    fs::remove(system_.etc());
    EXPECT_TRUE(refuses(outcome_of([&] { system_.files().assign(new_id_); }), Code::no_space));
    EXPECT_TRUE(refuses(outcome_of([&] { system_.files().ensure(IdFile::etc); }), Code::no_space));
    EXPECT_FALSE(fs::exists(system_.etc()));
    EXPECT_FALSE(fs::exists(system_.root() / "etc/.machine-id.virtbus"));
}

TEST_F(FullDisk, OfOneFilePutsBackTheOther) {
    for (const bool is_etc : {true, false}) {
        const auto full = is_etc ? system_.etc() : system_.dbus();
        const auto other = is_etc ? system_.dbus() : system_.etc();
        mount_on(full.parent_path());
        write_file(full, "");
        fill(full.parent_path());
        write_file(other, id_a + "\n");
        for (const bool runs : {true, false}) {
            const auto outcome = outcome_of([&] {
                auto files = system_.files();
                runs ? files.replace(new_id_) : files.assign(new_id_);
            });
            EXPECT_TRUE(refuses(outcome, Code::no_space)) << outcome;
            EXPECT_EQ(read_file(other), id_a + "\n");
            EXPECT_EQ(read_file(full), "");
        }
        TearDown();
        fs::remove(other);
    }
}

}  // namespace
}  // namespace virtbus::test
