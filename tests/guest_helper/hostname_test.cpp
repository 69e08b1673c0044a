// SPDX-License-Identifier: LGPL-2.1-or-later
// A guest's name for itself.
#include "model/hostname.h"
#include "guest_test.h"
#include "helper/guest_hostname.h"
#include "helper/guest_system.h"

namespace virtbus::test {

namespace {

TEST(Hostname, IsANameOfDns) {
    for (const auto& name : {std::string("a"), std::string("web-1"), std::string("web.example.net"), std::string("X1"),
                             std::string(63, 'a')})
        EXPECT_FALSE(outcome_of([&] { check_hostname(name); }).failed) << name;
    const auto long_label = std::string(64, 'a');
    const auto long_name = std::string(40, 'a') + "." + std::string(40, 'b');
    for (const std::string name : {"", "-a", "a-", "a..b", "a.", ".a", "a b", "a\n", "ä", "a_b", "a/../b",
                                   long_label.c_str(), long_name.c_str()})
        EXPECT_REFUSED(invalid_args, "is no hostname", check_hostname(name));
}

TEST(Hostname, IsTheFirstLineThatIsNoComment) {
    GuestTree tree;
    TreeFiles files(tree);
    tree.write("/etc/hostname", "# a comment\n\n  web-1 \nother\n");
    EXPECT_EQ(read_hostname(files), "web-1");
    tree.write("/etc/hostname", "\x1b[2J\n");
    EXPECT_EQ(read_hostname(files), "");
    tree.remove("/etc/hostname");
    EXPECT_EQ(read_hostname(files), "");
}

TEST(Hostname, IsRenamedOnlyInTheLineOf127_0_1_1) {
    EXPECT_EQ(rename_in_hosts("127.0.1.1\tone.lan one oneself # one\n127.0.0.1 one\n# 127.0.1.1 one\n", "one", "two"),
              "127.0.1.1\ttwo.lan two oneself # one\n127.0.0.1 one\n# 127.0.1.1 one\n");
    EXPECT_EQ(rename_in_hosts("  127.0.1.1 one", "one", "two"), "  127.0.1.1 two");
    EXPECT_EQ(rename_in_hosts("", "one", "two"), "");
}

TEST(Hostname, IsMadeWhereThereIsNone) {
    GuestTree tree;
    TreeFiles files(tree);
    tree.remove("/etc/hostname");
    GuestChanges changes(files);
    change_hostname(files, changes, "two");
    EXPECT_EQ(tree.read("/etc/hostname"), "two\n");
    EXPECT_REFUSED(failed, "enough", changes.give_up({Code::failed, "that is enough"}));
    EXPECT_FALSE(tree.exists("/etc/hostname"));
}

TEST(SystemName, IsWhatOsReleaseSays) {
    GuestTree tree;
    TreeFiles files(tree);
    EXPECT_EQ(system_name(files), "Debian GNU/Linux 12 (bookworm)");
    tree.write("/etc/os-release", "NAME=x\nPRETTY_NAME='\x1b]0;rm\x07'\n");
    EXPECT_EQ(system_name(files), "");
    tree.remove("/etc/os-release");
    tree.write("/usr/lib/os-release", "PRETTY_NAME=Alpine");
    EXPECT_EQ(system_name(files), "Alpine");
}

}  // namespace

}  // namespace virtbus::test
