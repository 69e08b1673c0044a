// SPDX-License-Identifier: LGPL-2.1-or-later
// The whole way, from the tool through the program and libguestfs to the disk and back; e2fsprogs says what is on it
// then. Each call starts an appliance, some 10 to 20 s: so a test has many expectations, and calls go beside each
// other.
#include "guest_test.h"
#include "helper_program.h"

#include <cstdlib>
#include <future>

namespace virtbus::test {

namespace {

class GuestDisks : public testing::Test {
protected:
    /// What a call writes beside the disks has a directory of its own. Not so the appliance, which takes a minute to
    /// make.
    void SetUp() override {
        std::filesystem::create_directory(path("temporary"));
        ::setenv("CACHE_DIRECTORY", "/var/tmp", 0);
        ::setenv("TMPDIR", path("temporary").c_str(), 1);
    }
    /// Nothing of a call is left, neither here nor in what it writes to.
    void TearDown() override {
        EXPECT_EQ(descendants(), std::vector<pid_t>());
        ::unsetenv("TMPDIR");
        EXPECT_TRUE(std::filesystem::is_empty(path("temporary")));
    }

    [[nodiscard]] std::string path(const std::string& name) const { return (directory_.path / name).string(); }
    std::string image_of(const GuestTree& tree, const std::string& name) const {
        tree.make_image(path(name));
        return path(name);
    }
    std::string empty_image(const std::string& name) const {
        run({"truncate", "-s", "8M", path(name)});
        return path(name);
    }
    [[nodiscard]] static GuestSystem on(const std::vector<std::string>& images, const std::string& format = "raw") {
        GuestSystem system;
        for (const auto& image : images) system.disks.push_back({.path = image, .format = format});
        return system;
    }
    /// What a reading ends with, once it does.
    std::future<Outcome> begin_reading(const GuestSystem& system) {
        return std::async(std::launch::async, [this, system] {
            Transfer transfer;
            return outcome_of([&] { tool_.read_identity(system, transfer); });
        });
    }

    TemporaryDirectory directory_;
    GuestHelperTool tool_{guest_helper_program()};
    Transfer transfer_;
};

void expect_refused(std::future<Outcome> ending, const std::string& why) {
    const auto outcome = ending.get();
    EXPECT_TRUE(refuses(outcome, Code::unsupported_guest)) << outcome;
    EXPECT_NE(outcome.text.find(why), std::string::npos) << outcome;
}

TEST_F(GuestDisks, AreReadWithoutAChangeAndThenAssigned) {
    GuestTree tree;
    tree.write("/etc/machine-id", "0123456789ABCDEF0123456789ABCDEF");
    tree.write("/var/lib/dbus/machine-id", old_id + "\n");
    tree.write("/boot/loader/entries/a.conf", "title a\noptions ro systemd.machine_id=" + old_id + " quiet\n");
    image_of(tree, "guest.img");
    run({"qemu-img", "convert", "-f", "raw", "-O", "qcow2", path("guest.img"), path("guest.qcow2")});
    const auto before = run({"sha256sum", path("guest.qcow2")});

    auto found = tool_.read_identity(on({path("guest.qcow2")}, "qcow2"), transfer_);
    EXPECT_EQ(found.state, IdState::non_canonical);
    EXPECT_EQ(found.dbus_state, DbusState::same);
    EXPECT_EQ(found.id, id_of(old_id));
    EXPECT_TRUE(found.consistent);  // the entry's id is written into the file, as it should be, at the boot
    EXPECT_EQ(found.overrides, std::vector<std::string>{"loader-entry:/boot/loader/entries/a.conf"});
    EXPECT_EQ(found.operating_system, "Debian GNU/Linux 12 (bookworm)");
    EXPECT_EQ(found.hostname, "one");
    EXPECT_EQ(run({"sha256sum", path("guest.qcow2")}), before);

    auto wanted = assignment(new_id);
    wanted.hostname = "two";
    wanted.expected = id_of(old_id);
    found = tool_.change_identity(on({path("guest.qcow2")}, "qcow2"), wanted, transfer_);
    EXPECT_EQ(found.state, IdState::valid);
    EXPECT_EQ(found.id, id_of(new_id));
    EXPECT_TRUE(found.consistent);
    EXPECT_EQ(found.hostname, "two");
    EXPECT_EQ(transfer_.processed(), 95U);
    const ImageJudge judge(path("guest.qcow2"), "qcow2");
    EXPECT_EQ(judge.read("/etc/machine-id"), new_id + "\n");
    EXPECT_EQ(judge.read("/var/lib/dbus/machine-id"), new_id + "\n");
    EXPECT_EQ(judge.read("/boot/loader/entries/a.conf"),
              "title a\noptions ro systemd.machine_id=" + new_id + " quiet\n");
    EXPECT_EQ(judge.read("/etc/hostname"), "two\n");
    EXPECT_EQ(judge.read("/etc/hosts"), "127.0.0.1 localhost\n127.0.1.1 two.example.net two\n");
    EXPECT_NE(run({"qemu-img", "check", "-f", "qcow2", path("guest.qcow2")}).find("No errors"), std::string::npos);
}

/// A disk with a boot partition that no fstab names, only its type; see systemd-gpt-auto-generator(8).
TEST_F(GuestDisks, WithADiscoverableBootPartitionAreSealed) {
    GuestTree tree;
    tree.write("/var/lib/dbus/machine-id", old_id + "\n");
    GuestTree boot;
    for (const auto* name : {"/bin", "/etc", "/usr", "/var"}) boot.remove(name);
    boot.write("/loader/entries/a.conf", "options systemd.machine_id=" + old_id + "\n");
    image_of(boot, "boot.img");
    image_of(tree, "root.img");
    run({"truncate", "-s", "64M", path("disk.img")});
    run({"sh", "-c",
         "printf 'label: gpt\\nstart=2048, size=49152, type=BC13C2FF-59E6-4262-A352-B275FD6F7172\\n"
         "start=51200, size=49152, type=0FC63DAF-8483-4772-8E79-3D69D8477DE4\\n' | sfdisk -q " +
             path("disk.img")});
    run({"dd", "if=" + path("boot.img"), "of=" + path("disk.img"), "bs=1M", "seek=1", "conv=notrunc", "status=none"});
    run({"dd", "if=" + path("root.img"), "of=" + path("disk.img"), "bs=1M", "seek=25", "conv=notrunc", "status=none"});

    const auto found = tool_.change_identity(on({path("disk.img")}), sealing(), transfer_);
    EXPECT_EQ(found.state, IdState::empty);
    EXPECT_EQ(found.dbus_state, DbusState::link);
    EXPECT_EQ(found.id, std::nullopt);
    EXPECT_EQ(found.overrides, std::vector<std::string>());
    for (const auto* part : {"boot", "root"})
        run({"dd", "if=" + path("disk.img"), "of=" + path(std::string(part) + ".img"), "bs=1M",
             part == std::string("boot") ? "skip=1" : "skip=25", "count=24", "status=none"});
    EXPECT_EQ(ImageJudge(path("boot.img"), "raw").read("/loader/entries/a.conf"),
              "options " + std::string(51, ' ') + "\n");
    const ImageJudge judge(path("root.img"), "raw");
    EXPECT_EQ(judge.read("/etc/machine-id"), "");
    EXPECT_NE(judge.stat("/etc/machine-id").find("Size: 0"), std::string::npos);
    EXPECT_NE(judge.stat("/var/lib/dbus/machine-id").find("\"/etc/machine-id\""), std::string::npos);
}

TEST_F(GuestDisks, WithoutOneLinuxSystemAreRefusedByWhatIsThere) {
    GuestTree tree;
    const auto one = image_of(tree, "one.img");
    const auto other = image_of(tree, "other.img");
    const auto hibernated = empty_image("hibernated.img");
    run({"mkswap", hibernated});
    run({"sh", "-c", "printf 'S1SUSPEND\\0' | dd bs=1 seek=4086 conv=notrunc status=none of=" + hibernated});
    const auto encrypted = empty_image("encrypted.img");
    run({"sh", "-c", "printf 'LUKS\\272\\276\\0\\1aes' | dd conv=notrunc status=none of=" + encrypted});
    GuestTree bsd;
    bsd.write("/etc/freebsd-update.conf", "");
    bsd.remove("/etc/os-release");
    bsd.write("/bin/sh", "a program\n");
    const auto no_linux = image_of(bsd, "bsd.img");
    GuestTree data;
    data.remove("/etc");
    const auto no_system = image_of(data, "data.img");

    auto two = begin_reading(on({one, other}));
    auto asleep = begin_reading(on({one, hibernated}));
    expect_refused(std::move(asleep), "The guest hibernates: its memory is on /dev/sdb");
    expect_refused(std::move(two), "There are 2 operating systems on the guest's disks, on /dev/sda, /dev/sdb");
    auto locked = begin_reading(on({encrypted}));
    auto foreign = begin_reading(on({no_linux}));
    expect_refused(std::move(locked), "/dev/sda is encrypted");
    expect_refused(std::move(foreign), "no Linux, but");
    auto empty = begin_reading(on({empty_image("empty.img")}));
    auto without = begin_reading(on({no_system}));
    expect_refused(std::move(empty), "they are empty");
    expect_refused(std::move(without), "only /dev/sda (ext4)");
}

/// A raw disk whose data say that it is a qcow2 image, based on another file of the host.
TEST_F(GuestDisks, AreNeverTakenForAnotherFormatThanTheyHave) {
    GuestTree tree;
    const auto host_file = image_of(tree, "host.img");
    run({"qemu-img", "create", "-q", "-f", "qcow2", "-b", host_file, "-F", "raw", path("guest.img")});
    run({"truncate", "-s", "8M", path("guest.img")});
    expect_refused(begin_reading(on({path("guest.img")})), "There is no operating system");
}

}  // namespace

}  // namespace virtbus::test
