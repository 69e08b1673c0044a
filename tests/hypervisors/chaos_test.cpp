// SPDX-License-Identifier: LGPL-2.1-or-later
// Ten hypervisors with a hundred machines each, which are killed and started again at random while clients call: every
// reply is right or a named error in time, and at the end the mirror is the truth, and nothing was left behind. For
// VIRTBUS_CHAOS_SECONDS; 20 if that is not set.
#include "chaos_clients.h"
#include "process_counts.h"
#include "support/client.h"
#include "truth.h"
#include "virtbusd.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <iostream>
#include <random>
#include <thread>

namespace virtbus::test {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr std::size_t hypervisor_count = 10;
constexpr int client_count = 4;
constexpr auto longest_chaos_reply = 10s;

/// How long a busy machine may take to get over it all.
constexpr auto recovery = 120s;

std::string name_of(std::size_t hypervisor) { return fmt::format("h{}", hypervisor); }
std::string path_of(std::size_t hypervisor) { return "/org/virtbus1/hypervisor/" + name_of(hypervisor); }

class ChaosTest : public testing::Test {
protected:
    ChaosTest() : truths(hypervisor_count) {
        for (auto& truth : truths) truth = std::make_unique<Truth>();
        std::map<std::string, std::string> uris;
        for (std::size_t i = 0; i < hypervisor_count; ++i) uris[name_of(i)] = truths[i]->libvirtd.uri();
        virtbusd = std::make_unique<Virtbusd>(bus, uris);
    }

    /// The machines of each hypervisor, as the bus has them.
    std::vector<Machines> mirrors() {
        Client client(bus.address());
        std::vector<Machines> mirrors(hypervisor_count);
        for (const auto& [path, interfaces] : client.manager()->GetManagedObjects()) {
            const auto found = interfaces.find("org.virtbus1.Machine");
            if (found == interfaces.end()) continue;
            const auto get = [&](const char* key) { return found->second.at(key).get<std::string>(); };
            for (std::size_t i = 0; i < hypervisor_count; ++i)
                if (path.rfind(path_of(i) + "/", 0) == 0)
                    mirrors[i][get("Uuid")] = fmt::format("{}, {}, {}", get("Name"), get("State"), get("Title"));
        }
        return mirrors;
    }
    std::vector<Machines> truth() const {
        std::vector<Machines> all;
        for (const auto& each : truths) all.push_back(each->machines());
        return all;
    }
    /// Tries at once instead of when it would by itself.
    void reconnect_all() {
        Client client(bus.address());
        for (std::size_t i = 0; i < hypervisor_count; ++i) client.hypervisor(path_of(i))->Reconnect({});
    }
    template <typename Condition>
    static bool comes_true(Condition condition) {
        const auto end = Clock::now() + recovery;
        while (!condition()) {
            if (Clock::now() >= end) return false;
            std::this_thread::sleep_for(200ms);
        }
        return true;
    }
    bool mirror_is_truth() {
        return comes_true([&] {
            reconnect_all();
            return mirrors() == truth();
        });
    }
    [[nodiscard]] ProcessCounts counts() const { return ProcessCounts::of(virtbusd->pid()); }

    PrivateBus bus;
    std::vector<std::unique_ptr<Truth>> truths;
    std::unique_ptr<Virtbusd> virtbusd;
};

std::chrono::seconds chaos_time() {
    const char* text = std::getenv("VIRTBUS_CHAOS_SECONDS");
    return std::chrono::seconds(text != nullptr ? std::atoi(text) : 20);
}

TEST_F(ChaosTest, EveryReplyIsRightOrANamedErrorAndNothingIsLeftBehind) {
    ASSERT_TRUE(mirror_is_truth());
    const auto before = counts();

    ChaosClients clients(bus, client_count, static_cast<int>(hypervisor_count));
    std::minstd_rand random(7);
    int kills = 0;
    for (const auto end = Clock::now() + chaos_time(); Clock::now() < end; ++kills) {
        auto& one = *truths[random() % hypervisor_count];
        auto& other = *truths[random() % hypervisor_count];
        one.kill();
        if (&other != &one && random() % 3 == 0) other.kill();
        std::this_thread::sleep_for(std::chrono::milliseconds(random() % 300));
        one.restart();
        if (&other != &one && other.libvirtd.pid() < 0) other.restart();
        std::this_thread::sleep_for(std::chrono::milliseconds(random() % 300));
    }
    const auto tally = clients.stop();
    std::cout << fmt::format("{} kills in {} s; {}\n", kills, chaos_time().count(), tally.text());

    for (std::size_t i = 0; i < std::min<std::size_t>(tally.wrong.size(), 20); ++i) ADD_FAILURE() << tally.wrong[i];
    EXPECT_LT(tally.slowest, longest_chaos_reply);
    EXPECT_GT(tally.outcomes.at("right"), 100);
    EXPECT_GT(kills, 0);

    EXPECT_TRUE(mirror_is_truth());
    const auto shown = mirrors();
    const auto there = truth();
    for (std::size_t i = 0; i < hypervisor_count; ++i) EXPECT_EQ(shown[i], there[i]) << name_of(i);
    EXPECT_TRUE(comes_true([&] { return counts().fits(before); })) << "before: " << before << "; now: " << counts();
    std::cout << "before: " << before << "; after: " << counts() << '\n';
    EXPECT_EQ(virtbusd->terminate(), 0);
}

}  // namespace
}  // namespace virtbus::test
