// SPDX-License-Identifier: LGPL-2.1-or-later
// What the tests of this suite judge by, without a boot: the guest's report, its boot entry, its disk, and how programs
// are run.
#include "boot.h"
#include "execute.h"

#include <gtest/gtest.h>

#include <csignal>
#include <stdexcept>
#include <string>

namespace virtbus::test {

TEST(Report, IsFoundAmongWhatElseAGuestWrites) {
    const auto report = parse_report(
        "[ 1.0] something\r\n"
        "VBMID etc=a dbus=b journal=c host=d from=VM UUID\r\n"
        "[ 9.3] bye");
    EXPECT_EQ(report.etc, "a");
    EXPECT_EQ(report.dbus, "b");
    EXPECT_EQ(report.journal, "c");
    EXPECT_EQ(report.host, "d");
    EXPECT_EQ(report.from, "VM UUID");
}

TEST(Report, MayLackWhatTheGuestDoesNotHave) {
    const auto report = parse_report("VBMID etc= dbus= journal= host=d from=\n");
    EXPECT_EQ(report.etc, "");
    EXPECT_EQ(report.from, "");
}

TEST(Report, ThatIsMissingIsAnErrorWhichShowsWhatTheGuestWrote) {
    try {
        static_cast<void>(parse_report("Kernel panic - not syncing\n"));
        FAIL() << "taken for a report";
    } catch (const std::runtime_error& error) {
        EXPECT_NE(std::string(error.what()).find("Kernel panic"), std::string::npos);
    }
}

TEST(Report, ThatIsCutOffIsAnError) {
    EXPECT_THROW(static_cast<void>(parse_report("VBMID etc=a dbus=b journal=c host=d from=VM U")), std::runtime_error);
}

TEST(BootEntry, GivesTheOptionsOfAllItsLines) {
    EXPECT_EQ(options_of("# options none\ntitle options\noptions root=/dev/vda ro\noptions\tquiet\nmachine-id 1\n"),
              "root=/dev/vda ro quiet");
    EXPECT_EQ(options_of("title nothing\n"), "");
}

TEST(Disk, HoldsWhatWasWritten) {
    Disk disk(debian_directory() / "debian.qcow2");
    EXPECT_EQ(disk.read("/etc/machine-id"), "") << "the template has no id";
    EXPECT_THROW(static_cast<void>(disk.read("/var/lib/dbus/machine-id")), std::runtime_error) << "nor this file";
    EXPECT_EQ(disk.link("/etc/os-release"), "../usr/lib/os-release");
    EXPECT_THROW(static_cast<void>(disk.read("/etc/os-release")), std::runtime_error) << "it is a link";
    EXPECT_THROW(disk.write("/nowhere/file", "text"), std::runtime_error);

    disk.write("/var/lib/dbus/machine-id", "one\n");
    disk.write("/etc/machine-id", "two\n");
    disk.write("/etc/os-release", "three\n");
    const Disk copy(disk.image());
    EXPECT_EQ(copy.read("/var/lib/dbus/machine-id"), "one\n");
    EXPECT_EQ(copy.read("/etc/machine-id"), "two\n");
    EXPECT_EQ(copy.read("/etc/os-release"), "three\n");
    EXPECT_EQ(copy.link("/etc/os-release"), "");
    disk.write("/etc/machine-id", "");
    EXPECT_EQ(disk.read("/etc/machine-id"), "");
    EXPECT_EQ(copy.read("/etc/machine-id"), "two\n") << "a copy is a disk of its own";
}

TEST(Disk, IsSoundAfterItWasEdited) {
    Disk disk(debian_directory() / "debian.qcow2");
    disk.write("/var/lib/dbus/machine-id", "one\n");
    disk.write("/etc/machine-id", std::string(100'000, 'x'));
    disk.write("/etc/machine-id", "");
    const auto checked = execute({"/usr/sbin/e2fsck", "-f", "-n", disk.image().string()});
    EXPECT_EQ(checked.status, 0) << checked.output;
}

TEST(Program, IsEndedWhenItsTimeIsUp) {
    const auto ran = execute({"sh", "-c", "echo $$; exec sleep 60"}, std::chrono::seconds(5));
    EXPECT_TRUE(ran.is_too_slow);
    EXPECT_EQ(ran.status, 128 + SIGKILL);
    EXPECT_EQ(::kill(std::stoi(ran.output), 0), -1) << "it is still there";
}

TEST(Program, TellsHowItEnded) {
    const auto ran = execute({"sh", "-c", "echo one; echo two >&2; exit 3"});
    EXPECT_FALSE(ran.is_too_slow);
    EXPECT_EQ(ran.status, 3);
    EXPECT_EQ(ran.output, "one\ntwo\n");
    EXPECT_NE(execute({"no-such-program"}).status, 0);
}

}  // namespace virtbus::test
