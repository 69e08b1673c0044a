// SPDX-License-Identifier: LGPL-2.1-or-later
#include "support/lab/lab_test.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <stdexcept>

namespace virtbus::test {

namespace {

using namespace std::chrono_literals;

/// A guest's boot takes some seconds, and some minutes when the machine is busy.
constexpr std::chrono::seconds lab_patience = 10min;

constexpr const char* ready = "virtbus guest ready";

}  // namespace

LabTest::LabTest() : MachineTest(environment("VIRTBUS_TEST_BUS"), environment("VIRTBUS_TEST_HYPERVISOR")) {
    for (auto* client : {&actor, &observer}) {
        client->patience = lab_patience;
        client->connection().setMethodCallTimeout(std::chrono::microseconds(lab_patience).count());
    }
    const auto lab = hypervisor();
    if (!actor.wait_until([&] { return lab->Connected(); }))
        throw std::runtime_error("the lab's hypervisor is not connected: " + lab->ConnectionError());
}

bool LabTest::inside() { return std::getenv("VIRTBUS_LAB_INSIDE") != nullptr; }

std::string LabTest::host(const std::string& command) {
    EXPECT_EQ(command.find('\''), std::string::npos) << "it is quoted with this";
    const auto line = fmt::format("{} '{}' </dev/null", environment("VIRTBUS_LAB_HOST"), command);
    std::string output;
    std::FILE* pipe = ::popen(line.c_str(), "re");
    if (pipe == nullptr) throw std::runtime_error("cannot run " + line);
    std::array<char, 4'096> buffer{};
    while (const auto length = std::fread(buffer.data(), 1, buffer.size(), pipe)) output.append(buffer.data(), length);
    EXPECT_EQ(::pclose(pipe), 0) << command << '\n' << output;
    return output;
}

std::string LabTest::new_name() {
    static int number = 0;
    return fmt::format("guest-{}-{}", ::getpid(), ++number);
}

bool LabTest::says_ready(const std::string& path) {
    Console console(machine(path)->OpenConsole({{"force", true}}));
    return console.wait_for(ready, lab_patience);
}

void LabTest::start_ready(const std::string& path) {
    machine(path)->Start({{"paused", true}});
    Console console(machine(path)->OpenConsole({}));
    machine(path)->Resume({});
    ASSERT_TRUE(console.wait_for(ready, lab_patience));
    console.write("echo answer-$((40 + 2))\n");
    EXPECT_TRUE(console.wait_for("answer-42", lab_patience));
}

void LabTest::live(const std::string& path, const Event& rebooted) {
    EXPECT_TRUE(observer.wait_for("InterfacesAdded", path));
    EXPECT_TRUE(happened(path, "defined", "added"));
    EXPECT_EQ(state(path), "shut-off");
    start_and_pause(path);
    reboot(path, rebooted);
    shut_down(path);
    remove(path);
}

void LabTest::start_and_pause(const std::string& path) {
    start_ready(path);
    EXPECT_TRUE(happened(path, "started", "booted"));
    EXPECT_TRUE(announced<std::string>(path, "State", "running"));
    forget();
    machine(path)->Pause({});
    EXPECT_EQ(state(path), "paused");
    EXPECT_EQ(get<std::string>(path, "StateReason"), "user");
    EXPECT_TRUE(happened(path, "suspended", "paused"));
    machine(path)->Resume({});
    EXPECT_EQ(state(path), "running");
    EXPECT_TRUE(happened(path, "resumed", "unpaused"));
}

void LabTest::reboot(const std::string& path, const Event& rebooted) {
    forget();
    machine(path)->Reboot({});
    EXPECT_TRUE(happened(path, rebooted.event, rebooted.detail));
    EXPECT_TRUE(says_ready(path));
    EXPECT_EQ(state(path), "running");
}

void LabTest::shut_down(const std::string& path) {
    forget();
    const auto job = machine(path)->Shutdown({{"timeout_usec", std::uint64_t{600'000'000}}});
    EXPECT_EQ(finish(job), "done");
    EXPECT_EQ(outcome(job), "shut-off");
    EXPECT_EQ(state(path), "shut-off");
    EXPECT_EQ(get<std::string>(path, "StateReason"), "shutdown");
    EXPECT_TRUE(happened(path, "stopped", "shutdown"));
    EXPECT_TRUE(observer.wait_for("JobEnded", job));
}

void LabTest::remove(const std::string& path) {
    forget();
    machine(path)->Delete({});
    EXPECT_TRUE(observer.wait_for("InterfacesRemoved", path));
    EXPECT_TRUE(told_by_manager(path, "undefined", "removed"));
}

}  // namespace virtbus::test
