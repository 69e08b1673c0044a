// SPDX-License-Identifier: LGPL-2.1-or-later
// Machine-ids of running guests, by agents that are good, strict, or hostile.
#include "libvirt/agent_identity.h"

#include "libvirt/base64.h"
#include "support/errors.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "scripted_agent.h"

namespace virtbus::test {

namespace {

const std::string etc = "/etc/machine-id";
const std::string dbus = "/var/lib/dbus/machine-id";
const std::string one = "0123456789abcdef0123456789abcdef";
const std::string two = "fedcba9876543210fedcba9876543210";

class AgentIdentity : public testing::Test {
protected:
    AgentIdentity() {
        guest.files = {{etc, one + "\n"}, {"/proc/cmdline", "root=/dev/vda ro quiet\n"}};
        guest.links = {{dbus, etc}};
    }
    ~AgentIdentity() override { EXPECT_EQ(guest.open_files(), 0U) << "a handle is left open"; }

    GuestIdentity read() {
        GuestAgent agent("web", guest.sender());
        return read_agent_identity(agent);
    }
    GuestIdentity assign(const std::string& id, const std::optional<MachineId>& expected = {}) {
        IdentityChange change;
        change.id = MachineId::parse(id);
        change.expected = expected;
        GuestAgent agent("web", guest.sender());
        return change_agent_identity(agent, change);
    }
    void expect_refused(Code code, const std::string& word, const Outcome& outcome) {
        EXPECT_TRUE(refuses(outcome, code)) << outcome;
        EXPECT_NE(outcome.text.find(word), std::string::npos) << outcome;
        EXPECT_NE(outcome.text.find("web"), std::string::npos) << outcome;
    }
    /// Nothing is changed, and the error has `word` in it.
    void expect_not_assigned(Code code, const std::string& word) {
        const auto before = guest.files;
        expect_refused(code, word, outcome_of([&] { assign(two); }));
        EXPECT_EQ(guest.files, before);
    }

    ScriptedAgent guest;
};

TEST_F(AgentIdentity, IsReadAsTheGuestHasIt) {
    const auto found = read();
    EXPECT_EQ(found.state, IdState::valid);
    EXPECT_EQ(found.id, MachineId::parse(one));
    EXPECT_EQ(found.dbus_state, DbusState::same) << "an agent cannot tell a link";
    EXPECT_TRUE(found.consistent);
    EXPECT_TRUE(found.overrides.empty());
    EXPECT_EQ(guest.commands().front(), "guest-info");
}

TEST_F(AgentIdentity, IsJudgedAsOnADisk) {
    struct Case {
        std::string etc;
        IdState state;
        bool has_id;
    };
    for (const auto& [content, state, has_id] :
         {Case{one, IdState::non_canonical, true}, Case{"", IdState::empty, false},
          Case{"uninitialized\n", IdState::uninitialized, false},
          Case{std::string(32, '0') + "\n", IdState::null, false}, Case{"rubbish\n", IdState::invalid, false},
          Case{one + std::string(40, ' '), IdState::invalid, false}}) {
        guest.files[etc] = content;
        EXPECT_EQ(read().state, state) << content;
        EXPECT_EQ(read().id.has_value(), has_id) << content;
    }
    guest.files.erase(etc);
    EXPECT_EQ(read().state, IdState::missing);
    EXPECT_EQ(read().dbus_state, DbusState::missing);
    guest.files[etc] = one + "\n";
    guest.links.clear();
    EXPECT_TRUE(read().consistent) << "without a D-Bus file all take the other";
    guest.files[dbus] = two + "\n";
    EXPECT_EQ(read().dbus_state, DbusState::different);
    EXPECT_FALSE(read().consistent);
}

TEST_F(AgentIdentity, IsWhatTheKernelWasTold) {
    guest.files["/proc/cmdline"] = "a systemd.machine_id=rubbish systemd.machine_id=" + two + " b\n";
    const auto found = read();
    EXPECT_EQ(found.id, MachineId::parse(two));
    EXPECT_FALSE(found.consistent) << "the file says another";
    EXPECT_EQ(found.overrides, std::vector<std::string>{"kernel-command-line"});
    expect_not_assigned(Code::unsupported_guest, "systemd.machine_id=");
    guest.files["/proc/cmdline"] = "systemd.machine_id=firmware\n";
    EXPECT_EQ(read().id, MachineId::parse(one)) << "systemd has written there what it took";
    EXPECT_EQ(read().overrides, std::vector<std::string>{"kernel-command-line"});
    expect_not_assigned(Code::unsupported_guest, "systemd.machine_id=");
}

TEST_F(AgentIdentity, IsReadInPiecesButNotWithoutEnd) {
    guest.piece = 1;
    EXPECT_EQ(read().id, MachineId::parse(one));
    guest.piece = 1 << 20;
    guest.files[etc] = std::string(1 << 20, 'a');
    guest.files["/proc/cmdline"] = std::string(1 << 20, 'a');
    EXPECT_EQ(read().state, IdState::invalid);
    EXPECT_EQ(guest.most_read(), 8U * 1024);
}

TEST_F(AgentIdentity, IsChangedInPlace) {
    for (const auto& content : {one + "\n", one, std::string(), std::string("uninitialized\n")}) {
        guest.files[etc] = content;
        const auto found = assign(two);
        EXPECT_EQ(found.id, MachineId::parse(two));
        EXPECT_TRUE(found.consistent);
        EXPECT_EQ(guest.files.at(etc), two + "\n") << content;
    }
    EXPECT_EQ(guest.files.size(), 2U) << "a link stays one";
}

TEST_F(AgentIdentity, IsChangedInBothFiles) {
    guest.links.clear();
    guest.files[dbus] = one + "\n";
    assign(two);
    EXPECT_EQ(guest.files.at(etc), two + "\n");
    EXPECT_EQ(guest.files.at(dbus), two + "\n");
    guest.files.erase(dbus);
    assign(one);
    EXPECT_EQ(guest.files.at(etc), one + "\n");
    EXPECT_FALSE(guest.files.contains(dbus)) << "what is missing may be";
}

TEST_F(AgentIdentity, IsNotWrittenOverSomethingElse) {
    guest.files[etc] = "root:x:0:0:root:/root:/bin/bash\n";
    expect_not_assigned(Code::unsupported_guest, etc);
    guest.files[etc] = one + "\n\n";
    expect_not_assigned(Code::unsupported_guest, etc);
    guest.files.erase(etc);
    expect_not_assigned(Code::unsupported_guest, "has no " + etc);
    guest.files[etc] = one + "\n";
    guest.links.clear();
    guest.files[dbus] = "debian\n";
    expect_not_assigned(Code::unsupported_guest, dbus);
}

TEST_F(AgentIdentity, IsNotChangedWhereAFileCannotBe) {
    guest.refusals = {{"r+ " + etc, "failed to open file: Read-only file system"}};
    expect_not_assigned(Code::unsupported_guest, "Read-only file system");
    expect_not_assigned(Code::unsupported_guest, "shut it down first");
    guest.links.clear();
    guest.files[dbus] = one + "\n";
    guest.refusals = {{"r+ " + dbus, "failed to open file: Permission denied"}};
    expect_not_assigned(Code::unsupported_guest, "Permission denied");
    guest.refusals = {{"r " + etc, "failed to open file: Permission denied"}};
    expect_refused(Code::unsupported_guest, "Permission denied", outcome_of([&] { read(); }));
}

TEST_F(AgentIdentity, IsChangedOnlyIfItIsTheOneExpected) {
    const auto before = guest.files;
    expect_refused(Code::stale_generation, "another", outcome_of([&] { assign(two, MachineId::parse(two)); }));
    EXPECT_EQ(guest.files, before);
    assign(two, MachineId::parse(one));
    EXPECT_EQ(guest.files.at(etc), two + "\n");
}

TEST_F(AgentIdentity, IsNotRemovedWhileTheGuestRuns) {
    GuestAgent agent("web", guest.sender());
    IdentityChange seal;
    seal.kind = IdentityChange::Kind::seal;
    expect_refused(Code::invalid_state, "runs", outcome_of([&] { change_agent_identity(agent, seal); }));
    IdentityChange named;
    named.id = MachineId::parse(two);
    named.hostname = "other";
    expect_refused(Code::invalid_state, "runs", outcome_of([&] { change_agent_identity(agent, named); }));
    EXPECT_TRUE(guest.commands().empty());
}

TEST_F(AgentIdentity, NamesTheCommandThatTheAgentDoesNotTake) {
    guest.unknown = {"guest-file-open"};
    expect_refused(Code::not_supported, "guest-file-open", outcome_of([&] { read(); }));
    guest.unknown.clear();
    guest.disabled = {"guest-file-write"};
    EXPECT_EQ(read().id, MachineId::parse(one)) << "it may still be read";
    expect_not_assigned(Code::not_supported, "guest-file-write");
    expect_not_assigned(Code::not_supported, "allow-rpcs");
}

TEST_F(AgentIdentity, IsNotBelievedWhenItIsReadBackAsAnother) {
    guest.answers["guest-file-write"] = R"({"return":{"count":33,"eof":false}})";  // it does not write
    expect_refused(Code::failed, "what is read back is another", outcome_of([&] { assign(two); }));
}

/// Whatever an agent answers to a command, it is one error, and soon.
class HostileAgent : public AgentIdentity, public testing::WithParamInterface<const char*> {};

TEST_P(HostileAgent, IsCalledUnresponsive) {
    const std::string deep(100'000, '[');
    const std::string sound = to_base64(one + "\n");
    for (const auto& answer : std::vector<std::string>{
             "",
             "rubbish",
             "null",
             "1",
             "[]",
             "{}",
             "\xff\xfe",
             deep,
             R"({"error":{"class":"GenericError"}})",
             R"({"return":null})",
             R"({"return":"1"})",
             R"({"return":1.5})",
             R"({"return":[]})",
             R"({"return":18446744073709551615})",
             R"({"return":{"count":"33"}})",
             R"({"return":{"count":-1}})",
             R"({"return":{"supported_commands":{}}})",
             R"({"return":{"supported_commands":[1]}})",
             R"({"return":{"supported_commands":[{"name":1,"enabled":true}]}})",
             R"({"return":{"supported_commands":[{"name":"guest-file-open","enabled":"yes"}]}})",
             R"({"return":{"count":32,"buf-b64":7,"eof":true}})",
             R"({"return":{"count":32,"buf-b64":"%%%%","eof":true}})",
             R"({"return":{"count":32,"buf-b64":")" + sound + R"("}})",
             R"({"return":{"count":32,"buf-b64":")" + sound + R"(","eof":1}})",
             R"({"return":{"count":9,"buf-b64":")" + to_base64(std::string(9'000, 'a')) + R"(","eof":true}})",
             R"({"return":")" + std::string(10 << 20, 'a') + R"("})"}) {
        guest.answers = {{GetParam(), answer}};
        const auto outcome = outcome_of([&] { assign(two); });
        EXPECT_TRUE(refuses(outcome, Code::agent_unresponsive)) << answer.substr(0, 100) << ": " << outcome;
        EXPECT_LT(outcome.text.size(), 400U);
        EXPECT_NE(outcome.text.find("web"), std::string::npos) << outcome;
        EXPECT_EQ(outcome.text.find(sound), std::string::npos) << "what is in its files is confidential";
    }
}

INSTANTIATE_TEST_SUITE_P(, HostileAgent,
                         testing::Values("guest-info", "guest-file-open", "guest-file-read", "guest-file-write"),
                         [](const auto& command) {
                             std::string name = command.param;
                             std::erase(name, '-');
                             return name;
                         });

TEST(Base64, IsWhatItIsMadeTo) {
    using namespace std::string_literals;
    for (const auto& bytes : {""s, "a"s, "ab"s, "abc"s, "\0\xff"s}) EXPECT_EQ(from_base64(to_base64(bytes)), bytes);
    EXPECT_EQ(to_base64("abcd"), "YWJjZA==");
    for (const auto* text : {"YWJjZA", "YWJjZA=", "YWJjZA===", "YWJj\nZA==", " YWJjZA==", "YWJjZB==", "====", "=",
                             "-_-_", "YWJj ", "Y=Jj", "YWJjZA==YWJj"})
        EXPECT_FALSE(from_base64(text)) << text;
}

}  // namespace

}  // namespace virtbus::test
