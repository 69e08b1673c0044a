// SPDX-License-Identifier: LGPL-2.1-or-later
// Guest agents that answer rubbish, too much, or nothing, behind a real libvirtd: each is one named error within
// bounded time, and the daemon goes on.
#include "guest_test.h"
#include "played_agent.h"

#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>

namespace virtbus::test {

using Json = nlohmann::json;

namespace {

constexpr std::chrono::seconds longest{90};

/// One that is in order, but for the answer to `command`.
PlayedAgent::Answer all_but(const std::string& command, const std::optional<std::string>& answer) {
    return [=](const std::string& asked, const Json& arguments) -> std::optional<std::string> {
        if (asked == command) return answer;
        if (auto synced = PlayedAgent::sync(asked, arguments)) return synced;
        if (asked == "guest-file-open") return R"({"return": 1000})";
        if (asked == "guest-file-read")
            return R"({"return": {"count": 33, "eof": true, "buf-b64": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWYK"}})";
        if (asked != "guest-info") return R"({"return": {}})";
        auto commands = Json::array();
        for (const auto* name : {"guest-file-open", "guest-file-read", "guest-file-close"})
            commands.push_back({{"name", name}, {"enabled", true}, {"success-response", true}});
        return Json{{"return", {{"version", "1"}, {"supported_commands", commands}}}}.dump();
    };
}

}  // namespace

class AgentTest : public GuestTest {
protected:
    AgentTest() : path_(fmt::format("{}/agent-{}", std::getenv("TMPDIR"), ::getpid())), agent(path_) {}
    ~AgentTest() override { ::unlink(path_.c_str()); }

    /// A machine whose agent libvirt hears from us.
    void create_guest() {
        auto spec = guest_spec();
        spec["start"] = false;
        guest = create(spec);
        auto [xml, generation] = machine(guest)->GetXml({{"inactive", true}});
        const std::string channel = "<channel type='unix'>";
        ASSERT_NE(xml.find(channel), std::string::npos) << xml;
        xml.insert(xml.find(channel) + channel.size(), "<source mode='connect' path='" + path_ + "'/>");
        machine(guest)->DefineXml(xml, {});
    }
    /// Starts it anew, since libvirt does not listen again to one that has talked rubbish. Somebody in the guest opens
    /// the agent's port, so that libvirt takes it for connected.
    void start_guest(const PlayedAgent::Answer& answer) {
        failure_of([&] { machine(guest)->PowerOff({}); });
        agent.play(answer);
        boot(guest);
        Console console(machine(guest)->OpenConsole({{"force", true}}));
        console.write("exec 3<>/dev/$(ls /dev | grep vport)\n");
        ASSERT_TRUE(actor.wait_until([&] { return machine(guest)->Agent() == "connected"; }));
    }
    /// The name of the error that a Refresh ends with; "" for none.
    std::string refresh() {
        const auto start = std::chrono::steady_clock::now();
        const auto job = actor.job(actor.machine_id(guest)->Refresh({}));
        while (job->State() == "running" && std::chrono::steady_clock::now() - start < longest)
            actor.wait_until([&] { return job->State() != "running"; });
        EXPECT_NE(job->State(), "running");
        const auto took = std::chrono::steady_clock::now() - start;
        const auto error = job->Error();
        fmt::print("{:.1f} s: {} {}\n", std::chrono::duration<double>(took).count(), error.get<0>(), error.get<1>());
        return error.get<0>();
    }

private:
    std::string path_;

protected:
    PlayedAgent agent;
    std::string guest;
};

TEST_F(AgentTest, WhateverOneAnswersTheDaemonGoesOn) {
    ASSERT_NO_FATAL_FAILURE(create_guest());
    ASSERT_NO_FATAL_FAILURE(start_guest(all_but("", {})));
    EXPECT_EQ(refresh(), "");
    EXPECT_EQ(actor.machine_id(guest)->Source(), "agent");
    EXPECT_EQ(actor.machine_id(guest)->Guarantee(), "claimed");
    EXPECT_EQ(actor.machine_id(guest)->GetId(), "0123456789abcdef0123456789abcdef");

    const std::string unresponsive = "org.virtbus1.Error.AgentUnresponsive";
    struct Case {
        std::string command;
        std::optional<std::string> answer;
        std::string error;
    };
    for (const auto& [command, answer, error] :
         {Case{"guest-file-open", R"({"return": "1000"})", unresponsive}, Case{"guest-info", "rubbish", unresponsive},
          Case{"guest-info", R"({"return": {"supported_commands": [)", unresponsive},
          Case{"guest-info", R"({"return": ")" + std::string(3 << 20, 'a') + R"("})", unresponsive},
          Case{"guest-file-read", R"({"return": ")" + std::string(10 << 20, 'a') + R"("})", unresponsive},
          Case{"guest-info", R"({"return": {"supported_commands": []}})", "org.virtbus1.Error.NotSupported"},
          Case{"guest-file-open", R"({"error": {"class": "GenericError", "desc": "Permission denied"}})",
               "org.virtbus1.Error.UnsupportedGuest"},
          Case{"guest-file-open", std::nullopt, unresponsive}, Case{"guest-sync", R"({"return": 7})", unresponsive}}) {
        SCOPED_TRACE(command + " " + answer.value_or("nothing").substr(0, 60));
        ASSERT_NO_FATAL_FAILURE(start_guest(all_but(command, answer)));
        EXPECT_EQ(refresh(), error);
    }
    ASSERT_NO_FATAL_FAILURE(start_guest(all_but("", {})));
    EXPECT_EQ(refresh(), "") << "nothing of it has stayed";
}

TEST_F(AgentTest, ItsAddressesAreTakenWhenTheyAreSome) {
    const std::string command = "guest-network-get-interfaces";
    const VariantMap by_agent{{"source", sdbus::Variant("agent")}};
    ASSERT_NO_FATAL_FAILURE(create_guest());
    const auto interfaces = Json::parse(R"({"return": [
        {"name": "lo", "ip-addresses": [{"ip-address": "127.0.0.1", "prefix": 8}]},
        {"name": "eth0", "hardware-address": "52:54:00:AB:00:01", "ip-addresses": [
            {"ip-address": "fe80::1", "prefix": 64}, {"ip-address": "10.0.2.15", "prefix": 24}, {"ip-address": "home"}]}]})");
    ASSERT_NO_FATAL_FAILURE(start_guest(all_but(command, interfaces.dump())));  // in one line
    const auto found = machine(guest)->GetAddresses({});
    ASSERT_EQ(found.size(), 2U);
    EXPECT_EQ(found[0].at("address").get<std::string>(), "10.0.2.15");
    EXPECT_EQ(found[0].at("mac").get<std::string>(), "52:54:00:ab:00:01");
    EXPECT_EQ(found[0].at("device").get<std::string>(), "eth0");
    EXPECT_EQ(found[0].at("sources").get<std::vector<std::string>>(), std::vector<std::string>{"agent"});
    EXPECT_EQ(found[1].at("address").get<std::string>(), "fe80::1");

    for (const std::optional<std::string>& answer : {std::optional<std::string>(R"({"return": "none"})"), {}}) {
        SCOPED_TRACE(answer.value_or("nothing"));
        ASSERT_NO_FATAL_FAILURE(start_guest(all_but(command, answer)));
        EXPECT_EQ(failure_of([&] { machine(guest)->GetAddresses(by_agent); }).name,
                  "org.virtbus1.Error.AgentUnresponsive");
    }
    EXPECT_TRUE(machine(guest)->GetAddresses({}).empty()) << "others are asked too, and know none";
}

}  // namespace virtbus::test
