// SPDX-License-Identifier: LGPL-2.1-or-later
// virtbus.service under a real systemd: started by whoever calls, without rights of its own, and back whatever ends it.
#include "commands.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <fstream>

namespace virtbus::test {

namespace {

using testing::HasSubstr;
using testing::Not;
using namespace std::chrono_literals;

Output call(const std::string& user, const std::vector<std::string>& words) {
    std::vector<std::string> all{"busctl",       "--timeout=30",  "call",
                                 "org.virtbus1", "/org/virtbus1", "org.virtbus1.Manager"};
    all.insert(all.end(), words.begin(), words.end());
    return user == "root" ? run_command(all) : run_as(user, all);
}

bool answers() { return call("nobody", {"ListPools", "a{sv}", "0"}).code == 0; }

std::string hypervisors() {
    return output_of(
        {"busctl", "get-property", "org.virtbus1", "/org/virtbus1", "org.virtbus1.Manager", "Hypervisors"});
}

pid_t main_pid() { return std::stoi(unit_property("virtbus.service", "MainPID")); }

std::string status_of(pid_t pid, const std::string& key) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/status");
    for (std::string line; std::getline(file, line);)
        if (line.rfind(key + ":", 0) == 0) return line.substr(line.find_first_not_of(" \t", key.size() + 1));
    return "";
}

/// It is another process than before, and it answers.
bool is_back(pid_t before) {
    return wait_until([&] {
        const auto now = main_pid();
        return now != 0 && now != before && unit_property("virtbus.service", "ActiveState") == "active" && answers();
    });
}

class ServiceTest : public testing::Test {
protected:
    ServiceTest() {
        write_configuration();
        output_of({"systemctl", "restart", "virtbus.service"});
    }
    ~ServiceTest() override { write_configuration(); }
};

TEST_F(ServiceTest, ACallByAnybodyStartsIt) {
    output_of({"systemctl", "stop", "virtbus.service"});
    EXPECT_EQ(unit_property("virtbus.service", "ActiveState"), "inactive");
    const auto answer = call("nobody", {"ListMachines", "a{sv}", "0"});
    EXPECT_EQ(answer.code, 0) << answer;
    EXPECT_EQ(unit_property("virtbus.service", "ActiveState"), "active");
}

TEST_F(ServiceTest, ItHasNoRightsOfItsOwn) {
    const auto uid = output_of({"id", "-u", "virtbus"});
    EXPECT_THAT(status_of(main_pid(), "Uid"), HasSubstr(uid + "\t" + uid + "\t" + uid));
    for (const auto* key : {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"})
        EXPECT_EQ(status_of(main_pid(), key), "0000000000000000") << key;
    EXPECT_EQ(status_of(main_pid(), "NoNewPrivs"), "1");
    EXPECT_EQ(status_of(main_pid(), "Seccomp"), "2");
}

TEST_F(ServiceTest, AnybodyMayLookAndOnlyRootMayAct) {
    EXPECT_EQ(call("nobody", {"ListMachines", "a{sv}", "0"}).code, 0);
    const auto refused = call("nobody", {"AddHypervisor", "ssa{sv}", "more", "test:///default", "0"});
    EXPECT_NE(refused.code, 0) << refused;
    EXPECT_THAT(refused.text, HasSubstr("needs a password"));
    EXPECT_NE(call("nobody", {"Reload", "a{sv}", "0"}).code, 0);
    const auto done = call("root", {"AddHypervisor", "ssa{sv}", "more", "test:///default", "0"});
    EXPECT_EQ(done.code, 0) << done;
    EXPECT_EQ(call("root", {"RemoveHypervisor", "sa{sv}", "more", "0"}).code, 0);
}

TEST_F(ServiceTest, OneThatHangsIsStartedAgain) {
    const DropIn quick("virtbus.service", "[Service]\nWatchdogSec=3\n");
    output_of({"systemctl", "restart", "virtbus.service"});
    const auto before = main_pid();
    ::kill(before, SIGSTOP);
    EXPECT_TRUE(is_back(before));
    EXPECT_THAT(journal_of("virtbus.service"), HasSubstr("Watchdog timeout"));
}

TEST_F(ServiceTest, OneThatIsKilledIsStartedAgain) {
    for (int i = 0; i < 8; ++i) {  // more often than systemd puts up with by default
        const auto before = main_pid();
        ::kill(before, SIGKILL);
        ASSERT_TRUE(is_back(before)) << i;
    }
}

TEST_F(ServiceTest, ItComesBackAfterTheBusDid) {
    const auto before = main_pid();
    output_of({"systemctl", "restart", "dbus.service"});
    EXPECT_TRUE(is_back(before));
}

TEST_F(ServiceTest, ReloadReadsTheConfigurationAgain) {
    const auto before = main_pid();
    write_configuration(R"(, "more": "test:///default")", R"(, "log-level": "debug")");
    output_of({"systemctl", "reload", "virtbus.service"});
    EXPECT_THAT(hypervisors(), HasSubstr("/org/virtbus1/hypervisor/more"));
    EXPECT_EQ(output_of({"systemctl", "service-log-level", "virtbus.service"}), "debug");
    EXPECT_NE(call("root", {"RemoveHypervisor", "sa{sv}", "more", "0"}).code, 0) << "it stands in the configuration";
    write_configuration();
    output_of({"systemctl", "reload", "virtbus.service"});
    EXPECT_THAT(hypervisors(), Not(HasSubstr("/org/virtbus1/hypervisor/more")));
    EXPECT_EQ(output_of({"systemctl", "service-log-level", "virtbus.service"}), "info");
    EXPECT_EQ(main_pid(), before) << "the same process";
    EXPECT_EQ(unit_property("virtbus.service", "ActiveState"), "active");
}

TEST_F(ServiceTest, ABrokenConfigurationChangesNothing) {
    const auto before = main_pid();
    const auto all = hypervisors();
    write_configuration({}, R"(, "log-levle": "debug")");
    const auto refused = run_command({"systemctl", "reload", "virtbus.service"});
    EXPECT_NE(refused.code, 0) << refused;
    EXPECT_THAT(journal_of("virtbus.service"), HasSubstr("/etc/virtbus/virtbus.json: log-levle: unknown"));
    EXPECT_EQ(main_pid(), before);
    EXPECT_EQ(hypervisors(), all);
    EXPECT_EQ(unit_property("virtbus.service", "ActiveState"), "active");
}

TEST_F(ServiceTest, ABrokenConfigurationAtItsStartIsNotTriedAgain) {
    write_configuration({}, R"(, "log-levle": "debug")");
    EXPECT_NE(run_command({"systemctl", "restart", "virtbus.service"}).code, 0);
    EXPECT_EQ(unit_property("virtbus.service", "ActiveState"), "failed");
    EXPECT_EQ(unit_property("virtbus.service", "ExecMainStatus"), "78");
    write_configuration();
    output_of({"systemctl", "restart", "virtbus.service"});
}

TEST_F(ServiceTest, AHypervisorElsewhereNeedsTheNetworkAndTheErrorSaysHow) {
    EXPECT_EQ(call("root", {"AddHypervisor", "ssa{sv}", "far", "qemu+tcp://127.0.0.1:1/system", "0"}).code, 0);
    const auto why = [] {
        return output_of({"busctl", "get-property", "org.virtbus1", "/org/virtbus1/hypervisor/far",
                          "org.virtbus1.Hypervisor", "ConnectionError"});
    };
    EXPECT_TRUE(wait_until([&] { return why().find("remote-hypervisors.conf") != std::string::npos; })) << why();
    EXPECT_EQ(call("root", {"RemoveHypervisor", "sa{sv}", "far", "0"}).code, 0);

    const DropIn network(
        "virtbus.service",
        output_of({"sh", "-c", "cat /usr/share/virtbus/*.conf /usr/local/share/virtbus/*.conf 2>/dev/null || :"}));
    output_of({"systemctl", "restart", "virtbus.service"});
    EXPECT_EQ(call("root", {"AddHypervisor", "ssa{sv}", "far", "qemu+tcp://127.0.0.1:1/system", "0"}).code, 0);
    EXPECT_TRUE(wait_until([&] { return why().find("refused") != std::string::npos; })) << why();
    EXPECT_EQ(call("root", {"RemoveHypervisor", "sa{sv}", "far", "0"}).code, 0);
}

}  // namespace

}  // namespace virtbus::test
