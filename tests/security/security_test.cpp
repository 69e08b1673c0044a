// SPDX-License-Identifier: LGPL-2.1-or-later
// Users who mean harm, on the system bus with its limits: they get nothing, and others are served.
#include "played_polkit.h"
#include "storage_fixture.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <iostream>
#include <map>

namespace virtbus::test {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

const std::string limits_exceeded = "org.freedesktop.DBus.Error.LimitsExceeded";
const std::string invalid_args = "org.freedesktop.DBus.Error.InvalidArgs";

class SecurityTest : public StorageBusTest {
protected:
    SecurityTest() : StorageBusTest(PrivateBus::Policy::system) {}

    void SetUp() override {
        if (::geteuid() != 0) {
            std::cerr << "\n*** HOSTILE USERS ARE NOT TESTED: only root can become somebody else ***\n\n";
            GTEST_SKIP() << "needs root";
        }
        serve(bus::BusType::system);
    }

    std::unique_ptr<OtherProgram> pause_as(uid_t uid, const std::string& how_often = "") {
        return begin_as(uid, web_path, interface, "Pause" + how_often, "{}");
    }
    bool await_questions(std::size_t count) {
        return await_there([&] { return polkit.questions().size() >= count; });
    }
    /// Whether most calls of somebody else are answered within 100 ms. The machine may have other things to do as well:
    /// one good round of several is enough, as a daemon that is held up has none.
    bool serves_others() {
        constexpr int rounds = 5;
        constexpr int calls = 11;
        for (int round = 0; round < rounds; ++round) {
            std::vector<Clock::duration> times;
            for (int i = 0; i < calls; ++i) {
                const auto before = Clock::now();
                client.manager()->ListMachines({});
                times.push_back(Clock::now() - before);
            }
            std::nth_element(times.begin(), times.begin() + calls / 2, times.end());
            if (times[calls / 2] < 100ms) return true;
        }
        return false;
    }
    /// How many there are on the bus.
    std::ptrdiff_t connections() {
        std::vector<std::string> names;
        sdbus::createProxy(client.connection(), "org.freedesktop.DBus", "/org/freedesktop/DBus")
            ->callMethod("ListNames")
            .onInterface("org.freedesktop.DBus")
            .storeResultsTo(names);
        return std::count_if(names.begin(), names.end(), [](const auto& name) { return name.starts_with(':'); });
    }
    /// Of this process, whose thread the server is.
    static std::ptrdiff_t descriptors() {
        return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {});
    }
    std::unique_ptr<OtherProgram> import_as(uid_t uid, const std::string& source, const std::string& how_often = "") {
        return begin_as(uid, default_path, "org.virtbus1.Pool", "ImportImage" + how_often, "new", "%" + source, "raw",
                        "{}");
    }
    static std::map<std::string, int> ends_of(OtherProgram& program, int count) {
        std::map<std::string, int> ends;
        for (int i = 0; i < count; ++i) ++ends[program.line()];
        return ends;
    }

    const std::string interface = "org.virtbus1.Machine";
    PlayedPolkit polkit{bus.address()};
};

TEST_F(SecurityTest, TenThousandCallsAtOnceHoldNobodyUp) {
    polkit.be_silent();
    const auto flood = pause_as(nobody_uid, "*10000");
    EXPECT_EQ(flood->line(), limits_exceeded) << "it is under way";
    EXPECT_TRUE(serves_others());
    const int under_way = static_cast<int>(limits.calls);
    auto ends = ends_of(*flood, 9'999 - under_way);
    EXPECT_LT(polkit.questions().size(), 1'000U);
    polkit.say(false);
    for (const auto& [end, count] : ends_of(*flood, under_way)) ends[end] += count;
    EXPECT_EQ(ends[limits_exceeded] + ends[access_denied], 9'999);
    EXPECT_GE(ends[limits_exceeded], 9'000) << "nearly all were refused before anything was asked of anyone";
    EXPECT_EQ(first->calls(PortCall::pause), 0U);
}

TEST_F(SecurityTest, AThousandConnectionsHoldNobodyUp) {
    polkit.be_silent();
    std::vector<std::unique_ptr<OtherProgram>> hostile;
    for (const uid_t uid : {2U, 3U, 4U, 5U})  // bin, sys, sync, games
        hostile.push_back(pause_as(uid, "+250"));
    constexpr int questions = 4 * 4;
    ASSERT_TRUE(await_questions(questions));
    EXPECT_TRUE(serves_others());
    for (const auto& each : hostile) EXPECT_EQ(ends_of(*each, 100)[limits_exceeded], 100);
    for (const auto& each : hostile) each->kill();
    ASSERT_TRUE(await_there([&] { return connections() == 3; })) << "the server's, polkit's and the client's";
    EXPECT_TRUE(await_there([&] { return polkit.cancelled().size() == polkit.questions().size(); }))
        << "nobody waits any more, of " << polkit.questions().size() << " only " << polkit.cancelled().size();
    polkit.say(true);
    EXPECT_EQ(pause_as(daemon_uid)->line(), "ok");
    EXPECT_EQ(first->calls(PortCall::pause), 1U) << "nothing of those who have left was done";
}

TEST_F(SecurityTest, LeavingWhilePolkitAnswersGivesNothing) {
    for (int i = 0; i < 100; ++i) {
        polkit.be_silent();
        const auto asked = polkit.questions().size();
        const auto hostile = pause_as(nobody_uid);
        ASSERT_TRUE(await_questions(asked + 1));
        if (i % 2 == 0) {
            hostile->kill();
            polkit.say(false);
        } else {
            polkit.say(false);
            hostile->kill();
        }
    }
    EXPECT_EQ(first->calls(PortCall::pause), 0U);
    polkit.say(true);
    EXPECT_EQ(pause_as(nobody_uid)->line(), "ok");
}

TEST_F(SecurityTest, EveryInterfaceOfAMachineIsItsOwners) {
    first->edit(web, [](Machine& machine) { machine.owner = 1'000; });
    first->touch(web);
    ASSERT_TRUE(client.wait_until([&] { return client.machine(web_path)->Owner() == 1'000; }));
    as_nobody(web_path, interface, "Pause", "{}");
    as_nobody(web_path, "org.virtbus1.VirtualMachine", "Save", "{}");
    as_nobody(web_path, "org.virtbus1.MachineId", "Regenerate", "{}");
    const auto questions = polkit.questions();
    ASSERT_EQ(questions.size(), 3U);
    for (const auto& question : questions) {
        EXPECT_EQ(question.details.at("owner"), "1000");
        EXPECT_EQ(question.details.at("uuid"), web.text());
        EXPECT_EQ(question.details.at("caller"), "65534");
    }
}

TEST_F(SecurityTest, HugeStringsAreRefused) {
    polkit.say(true);
    for (const auto* method : {"SetTitle", "SetDescription", "Rename", "Clone"})
        EXPECT_EQ(as_nobody(web_path, interface, method, "@20000000", "{}"), invalid_args) << method;
    EXPECT_EQ(as_nobody(web_path, interface, "Pause", "{" + std::string(100'000, 'k') + "}"), invalid_args);
    EXPECT_EQ(as_nobody(first_path, "org.virtbus1.Hypervisor", "DefineXml", "<" + std::string(100'000, 'a'), "{}"),
              "org.virtbus1.Error.InvalidXml");
    EXPECT_TRUE(serves_others());
    EXPECT_EQ(client.machine(web_path)->Title(), "");
}

TEST_F(SecurityTest, RefusalsByTheThousandAreNotInTheWay) {
    const auto flood = pause_as(nobody_uid, "*3000");
    std::map<std::string, int> ends;
    ++ends[flood->line()];
    EXPECT_TRUE(serves_others());
    for (const auto& [end, count] : ends_of(*flood, 2'999)) ends[end] += count;
    EXPECT_EQ(ends[access_denied] + ends[limits_exceeded], 3'000);
    EXPECT_EQ(first->calls(PortCall::pause), 0U);
}

TEST_F(SecurityTest, DescriptorsOfThoseWhoAreRefusedAreNotKept) {
    const auto before = descriptors();
    constexpr int calls =
        50;  // for one who receives, the bus holds at most 64 descriptors, and then no other's calls either
    for (int round = 0; round < 10; ++round) {
        const auto flood = import_as(nobody_uid, "/etc/passwd", "*" + std::to_string(calls));
        auto ends = ends_of(*flood, calls);
        EXPECT_EQ(ends[access_denied] + ends[limits_exceeded], calls);
        EXPECT_TRUE(serves_others());
    }
    EXPECT_TRUE(await_there([&] { return descriptors() == before; })) << descriptors() << " instead of " << before;
    EXPECT_TRUE(client.manager()->ListJobs().empty());
}

TEST_F(SecurityTest, DescriptorsOfThoseWhoLeaveWhilePolkitAnswersAreNotKept) {
    polkit.be_silent();
    const auto before = descriptors();
    std::vector<std::unique_ptr<OtherProgram>> hostile;
    for (int i = 0; i < 4; ++i) hostile.push_back(import_as(nobody_uid, "/etc/passwd"));
    ASSERT_TRUE(await_questions(hostile.size()));
    hostile.clear();
    polkit.say(true);
    EXPECT_TRUE(await_there([&] { return descriptors() == before; })) << descriptors() << " instead of " << before;
    EXPECT_TRUE(client.manager()->ListJobs().empty()) << "nothing of those who have left was done";
}

TEST_F(SecurityTest, WhatIsNoFileIsNotTakenForOne) {
    polkit.say(true);
    for (const auto* source : {"/dev/zero", "/dev/null", "/"})
        EXPECT_EQ(import_as(nobody_uid, source)->line(), invalid_args) << source;
    EXPECT_TRUE(client.manager()->ListJobs().empty());
}

}  // namespace
}  // namespace virtbus::test
