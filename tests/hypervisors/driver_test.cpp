// SPDX-License-Identifier: LGPL-2.1-or-later
// What a hypervisor can do, tried: the same program for every driver. What it has among its Features is done once, to a
// machine of its own; what it hasn't must be refused, naming the driver. What came out is a row of docs/drivers.md.
#include "driver_machine.h"
#include "support/machine_test.h"

#include <org.virtbus1.Network_proxy.h>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <fstream>
#include <map>
#include <stdexcept>

namespace virtbus::test {

namespace {

using Json = nlohmann::json;
using NetworkProxy = proxies::Proxy<org::virtbus1::Network_proxy>;

/// What came out, for the file VIRTBUS_TEST_RESULT.
Json& results() {
    static Json all;
    return all;
}

class OutcomeFile final : public testing::Environment {
public:
    void TearDown() override { std::ofstream(environment("VIRTBUS_TEST_RESULT")) << results().dump(4) << '\n'; }
};

template <typename List, typename Value>
bool has(const List& list, const Value& value) {
    return std::find(list.begin(), list.end(), value) != list.end();
}

}  // namespace

class DriverTest : public MachineTest, public testing::WithParamInterface<const char*> {
protected:
    DriverTest() : MachineTest(environment("VIRTBUS_TEST_BUS"), environment("VIRTBUS_TEST_HYPERVISOR")) {
        const auto its = hypervisor();
        if (!actor.wait_until([&] { return its->Connected(); })) throw std::runtime_error(its->ConnectionError());
        driver_ = its->Driver();
        results()["driver"] = driver_;
        results()["version"] = its->Version();
        results()["libvirt"] = its->LibvirtVersion();
        results()["type"] = its->Type();
    }

    std::string define() {
        static int count = 0;
        return MachineTest::define(machine_xml(*hypervisor(), "tried-" + std::to_string(++count)));
    }
    std::string start() {
        const auto path = define();
        machine(path)->Start({});
        EXPECT_EQ(state(path), "running");
        return path;
    }

    // Each does what a word of Features stands for.
    void define_and_delete() {
        const auto path = define();
        machine(path)->Delete({});
        EXPECT_TRUE(observer.wait_for("InterfacesRemoved", path));
    }
    void reset() { machine(start())->Reset({}); }
    void reboot() { machine(start())->Reboot({}); }
    void pause() {
        const auto path = start();
        machine(path)->Pause({});
        EXPECT_EQ(state(path), "paused");
        machine(path)->Resume({});
        EXPECT_EQ(state(path), "running");
    }
    void save() {
        const auto path = start();
        // Xen saves a guest that helps.
        if (driver_ == "xen") {
            EXPECT_TRUE(Console(machine(path)->OpenConsole({})).wait_for("ready"));
        }
        EXPECT_EQ(finish(machine(path)->Save({})), "done");
        EXPECT_TRUE(machine(path)->Saved());
        EXPECT_EQ(finish(machine(path)->Start({})), "done");
        EXPECT_EQ(state(path), "running");
    }
    void autostart() {
        const auto path = define();
        machine(path)->SetAutostart(true, {});
        EXPECT_TRUE(get<bool>(path, "Autostart"));
    }
    void rename() {
        const auto path = define();
        machine(path)->Rename("renamed", {});
        EXPECT_EQ(get<std::string>(path, "Name"), "renamed");
    }
    void console() { EXPECT_TRUE(machine(start())->OpenConsole({}).isValid()); }
    void memory() {
        const auto path = define();
        const auto half = get<std::uint64_t>(path, "Memory") / 2;
        machine(path)->SetMemory(half, {});
        EXPECT_EQ(get<std::uint64_t>(path, "Memory"), half);
    }
    void vcpus() {
        const auto path = define();
        const auto most = std::min(2U, hypervisor()->Cpus());  // Xen gives no more than the host has
        machine(path)->SetVcpus(most, {});
        EXPECT_EQ(get<std::uint32_t>(path, "Vcpus"), most);
    }
    void metadata() {
        const auto path = define();
        machine(path)->SetTitle("A title", {});
        EXPECT_EQ(get<std::string>(path, "Title"), "A title");
    }
    void run_commands() {
        const auto path = start();
        std::array<int, 2> ends{};
        ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
        const sdbus::UnixFd input(ends[0], sdbus::adopt_fd);
        const sdbus::UnixFd output(ends[1], sdbus::adopt_fd);
        EXPECT_EQ(finish(machine(path)->RunCommand({"true"}, input, output, output, {})), "done");
    }
    void pools() {
        const auto path = hypervisor()->CreatePool("tried", "/var/lib/libvirt/images/tried", {});
        EXPECT_TRUE(has(hypervisor()->Pools(), path));
        const auto deleted = actor.begin(path, "org.virtbus1.Pool", "Delete", VariantMap());
        EXPECT_TRUE(actor.wait_until([&] { return deleted->count > 0; }));
        EXPECT_EQ(deleted->failure.name, "") << deleted->failure;
    }
    void networks() {
        const auto path = hypervisor()->CreateNetwork({{"name", "tried"}, {"forward", "isolated"}});
        EXPECT_TRUE(has(hypervisor()->Networks(), path));
        NetworkProxy(actor.connection(), "org.virtbus1", path).Delete({});
    }
    void events() {
        EXPECT_EQ(hypervisor()->PollIntervalUSec(), 0U);
        EXPECT_TRUE(happened(start(), "started", "booted"));
    }

    using Attempt = void (DriverTest::*)();

    static const std::map<std::string, Attempt>& attempts() {
        static const std::map<std::string, Attempt> all{{"define", &DriverTest::define_and_delete},
                                                        {"reset", &DriverTest::reset},
                                                        {"reboot", &DriverTest::reboot},
                                                        {"pause", &DriverTest::pause},
                                                        {"save", &DriverTest::save},
                                                        {"autostart", &DriverTest::autostart},
                                                        {"rename", &DriverTest::rename},
                                                        {"console", &DriverTest::console},
                                                        {"memory", &DriverTest::memory},
                                                        {"vcpus", &DriverTest::vcpus},
                                                        {"metadata", &DriverTest::metadata},
                                                        {"run-commands", &DriverTest::run_commands},
                                                        {"pools", &DriverTest::pools},
                                                        {"networks", &DriverTest::networks},
                                                        {"events", &DriverTest::events}};
        return all;
    }

    std::string driver_;
};

TEST_P(DriverTest, CanDoItOrSaysThatItCannot) {
    const std::string feature = GetParam();
    auto& word = results()["features"][feature];
    word = "failed";
    const bool can = has(hypervisor()->Features(), feature);
    const auto failure = failure_of([&] { (this->*attempts().at(feature))(); });
    if (can) {
        EXPECT_EQ(failure.name, "") << failure;
    } else if (failure.name.rfind("org.freedesktop.DBus.Error.Unknown", 0) != 0) {  // no such machine has such a method
        EXPECT_EQ(failure.name, "org.virtbus1.Error.NotSupported") << failure;
        EXPECT_THAT(failure.message, testing::HasSubstr(driver_));
    }
    if (!HasFailure()) word = can ? "done" : "refused";
}

TEST_F(DriverTest, HasWordsForAllThatItCan) {
    // Beside what is tried here: what needs a guest with an agent, a disk, or a job that takes its time.
    for (const auto& feature : hypervisor()->Features())
        EXPECT_TRUE(attempts().contains(feature) ||
                    has(std::vector<std::string>{"agent", "jobs", "resize-online"}, feature))
            << feature;
}

INSTANTIATE_TEST_SUITE_P(, DriverTest,
                         testing::Values("define", "reset", "reboot", "pause", "save", "autostart", "rename", "console",
                                         "memory", "vcpus", "metadata", "run-commands", "pools", "networks", "events"),
                         [](const auto& each) {
                             std::string name = each.param;
                             std::replace(name.begin(), name.end(), '-', '_');
                             return name;
                         });

}  // namespace virtbus::test

int main(int argc, char** argv) {
    testing::InitGoogleTest(&argc, argv);
    testing::AddGlobalTestEnvironment(new virtbus::test::OutcomeFile);
    return RUN_ALL_TESTS();
}
