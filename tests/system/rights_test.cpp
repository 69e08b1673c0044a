// SPDX-License-Identifier: LGPL-2.1-or-later
// Who may do what, decided by the real polkit and the rules that come with virtbus: those for owners, and the example
// of a group that has the machines with a tag.
#include "commands.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

namespace virtbus::test {

namespace {

using testing::HasSubstr;
using testing::Not;

// Debian has these users everywhere. One of them is in the example's group.
constexpr const char* member = "games";
constexpr const char* stranger = "man";
constexpr const char* rules = "/etc/polkit-1/rules.d/40-lab.rules";

class RightsTest : public testing::Test {
protected:
    RightsTest() {
        output_of({"groupadd", "--force", "lab"});
        output_of({"usermod", "--append", "--groups", "lab", member});
        write_configuration();
        output_of({"systemctl", "restart", "virtbus.service"});
    }
    ~RightsTest() override {
        std::filesystem::remove(rules);
        for (const auto* machine : {"mine", "roots"}) run_command({"virtbusctl", "-H", "qemu", "delete", machine});
    }

    static void use_the_example() {
        std::filesystem::create_directories(std::filesystem::path(rules).parent_path());
        std::filesystem::copy_file(VIRTBUS_EXAMPLE_RULES, rules);
    }
    static Output as(const std::string& user, std::vector<std::string> words) {
        words.insert(words.begin(), {"virtbusctl", "-H", "qemu"});
        return user == "root" ? run_command(words) : run_as(user, words);
    }
    static Output create(const std::string& user, const std::string& name) {
        return as(user, {"create", name, "--memory", "64M", "--interface", "none"});
    }
    static void expect_refused(const Output& output) {
        EXPECT_NE(output.code, 0) << output;
        EXPECT_THAT(output.text, HasSubstr("password")) << "the way out";
    }
};

TEST_F(RightsTest, WhoMadeAMachineOwnsItAndAMemberHasThoseWithTheTag) {
    expect_refused(create(member, "mine"));
    use_the_example();
    // polkit reads its rules anew when it has seen the file.
    ASSERT_TRUE(wait_until([] { return create(member, "mine").code == 0; })) << create(member, "mine");
    expect_refused(create(stranger, "mine"));

    EXPECT_EQ(as(member, {"set", "mine", "title=of its owner"}).code, 0) << "nobody has tagged it";
    expect_refused(as(stranger, {"set", "mine", "title=of a stranger"}));
    EXPECT_THAT(as(stranger, {"show", "mine"}).text, HasSubstr("of its owner")) << "everybody may look";

    ASSERT_EQ(create("root", "roots").code, 0);
    expect_refused(as(member, {"set", "roots", "title=of a member"}));
    ASSERT_EQ(as("root", {"set", "roots", "tags=lab"}).code, 0);
    const auto by_tag = as(member, {"set", "roots", "title=of a member"});
    EXPECT_EQ(by_tag.code, 0) << by_tag;
    expect_refused(as(stranger, {"set", "roots", "title=of a stranger"}));
    expect_refused(as(member, {"delete", "roots"}));
    EXPECT_EQ(as(member, {"delete", "mine"}).code, 0);
}

TEST_F(RightsTest, AMemberMakesMachinesOnTheImagesOfItsPoolAlone) {
    for (const auto* pool : {"lab", "others"}) {
        output_of({"virtbusctl", "-H", "qemu", "pool", "create", pool, std::string("/var/lib/libvirt/images/") + pool});
        output_of({"virtbusctl", "-H", "qemu", "image", "create", "disk", "--size", "1M", "--pool", pool});
    }
    use_the_example();
    const auto create_on = [](const std::string& disk) {
        return as(member, {"create", "mine", "--memory", "64M", "--interface", "none", "--disk", disk});
    };
    ASSERT_TRUE(wait_until([&] { return create_on("lab/disk").code == 0; })) << create_on("lab/disk");
    EXPECT_EQ(as(member, {"delete", "mine"}).code, 0);

    const auto stolen = create_on("others/disk");
    expect_refused(stolen);
    EXPECT_THAT(stolen.text, HasSubstr("image others/disk"));
    expect_refused(as(member, {"image", "create", "copy", "--pool", "lab", "--backing", "others/disk"}));
    expect_refused(as(member, {"image", "clone", "lab/disk", "copy", "--pool", "others"}));
    const auto allowed = as(member, {"image", "clone", "lab/disk", "copy"});
    EXPECT_EQ(allowed.code, 0) << allowed;
    for (const auto* pool : {"lab", "others"}) output_of({"virtbusctl", "-H", "qemu", "pool", "delete", pool});
}

TEST_F(RightsTest, ThePasswordThatIsTypedDecides) {
    ASSERT_EQ(create("root", "roots").code, 0);
    output_of({"sh", "-c", "echo root:right | chpasswd"});
    write_file(rules, "polkit.addAdminRule(function() { return ['unix-user:root']; });\n");
    output_of({"systemctl", "restart", "polkit.service"});
    const auto set_with = [](const std::string& password) {
        return run_at_terminal(stranger, {"virtbusctl", "-H", "qemu", "set", "roots", "title=typed"}, password);
    };
    const auto refused = set_with("wrong");
    EXPECT_NE(refused.code, 0) << refused;
    EXPECT_THAT(refused.text, HasSubstr("the password was not the right one"));
    EXPECT_THAT(as(stranger, {"show", "roots"}).text, Not(HasSubstr("typed")));
    const auto allowed = set_with("right");
    EXPECT_EQ(allowed.code, 0) << allowed;
    EXPECT_THAT(as(stranger, {"show", "roots"}).text, HasSubstr("typed"));
}

TEST_F(RightsTest, WithoutPolkitOnlyRootActs) {
    ASSERT_EQ(create("root", "roots").code, 0);
    // libvirt asks polkit as well, but only when virtbusd connects.
    output_of({"systemctl", "mask", "--runtime", "--now", "polkit.service"});
    const auto done = as("root", {"set", "roots", "title=of root"});
    EXPECT_EQ(done.code, 0) << done;
    const auto refused = as(member, {"set", "roots", "title=x"});
    EXPECT_NE(refused.code, 0) << refused;
    EXPECT_THAT(as(stranger, {"show", "roots"}).text, HasSubstr("of root"));
    output_of({"systemctl", "unmask", "--runtime", "polkit.service"});
    output_of({"systemctl", "start", "polkit.service"});
}

TEST_F(RightsTest, WhatWasDoneAndRefusedStandsInTheJournal) {
    ASSERT_EQ(create("root", "roots").code, 0);
    expect_refused(as(stranger, {"start", "roots"}));
    output_of({"journalctl", "--sync"});
    const auto entries = [](const std::string& verb) {
        return output_of({"journalctl", "--unit", "virtbus.service", "--output", "json", "VIRTBUS_VERB=" + verb});
    };
    const auto uid = output_of({"id", "-u", stranger});
    EXPECT_THAT(entries("CreateMachine"), HasSubstr("\"VIRTBUS_UID\":\"0\""));
    EXPECT_THAT(entries("Start"), HasSubstr("\"VIRTBUS_UID\":\"" + uid + "\""));
    EXPECT_THAT(entries("Start"), HasSubstr("\"VIRTBUS_MACHINE\":\"roots\""));
    EXPECT_THAT(entries("Start"), HasSubstr("\"MESSAGE_ID\""));
}

}  // namespace

}  // namespace virtbus::test
