// SPDX-License-Identifier: LGPL-2.1-or-later
// virtbusd as a process: how it starts, ends, and answers a bad configuration.
#include "virtbusd.h"

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <future>
#include <map>
#include <optional>
#include <utility>

namespace virtbus::test {

using Arguments = std::vector<std::string>;

TEST(ProcessTest, ItTellsThatItIsReadyAndEndsCleanly) {
    const PrivateBus bus;
    Virtbusd virtbusd(bus, {{"test", "test:///default"}});
    Client client(bus.address());
    EXPECT_TRUE(wait_until_connected(client, "test"));
    EXPECT_TRUE(client.wait_until([&] { return virtbusd.told("STATUS=test connected, 1 machines") > 0; }));
    EXPECT_EQ(virtbusd.terminate(), 0);
    EXPECT_EQ(virtbusd.told("STOPPING=1"), 1);
}

TEST(ProcessTest, ItServesWhileNoHypervisorAnswers) {
    const PrivateBus bus;
    Virtbusd virtbusd(bus, {{"none", "test+unix:///default?socket=/nowhere/sock&secret=x"}});
    Client client(bus.address());
    const auto hypervisor = client.hypervisor("/org/virtbus1/hypervisor/none");
    EXPECT_TRUE(client.wait_until([&] { return hypervisor->ConnectionState() == "failed"; }));
    EXPECT_NE(hypervisor->ConnectionError(), "");
    EXPECT_EQ(hypervisor->Uri(), "test+unix:///default");
    EXPECT_FALSE(hypervisor->Connected());
    EXPECT_EQ(virtbusd.terminate(), 0);
}

TEST(ProcessTest, ASecondOneOnTheSameBusEnds) {
    const PrivateBus bus;
    const Virtbusd virtbusd(bus, {{"test", "test:///default"}});
    testing::internal::CaptureStderr();
    EXPECT_EQ(Virtbusd::run(bus, {"--hypervisor", "test=test:///default"}), 1);
    const auto told = testing::internal::GetCapturedStderr();
    EXPECT_NE(told.find("virtbusd runs already"), std::string::npos) << told;
}

TEST(ProcessTest, ItWaitsForTheNameOfOneThatIsEnding) {
    const PrivateBus bus;
    std::optional<Virtbusd> last(std::in_place, bus, std::map<std::string, std::string>{{"test", "test:///default"}});
    auto next = std::async(std::launch::async, [&bus] {
        return Virtbusd(bus, {{"test", "test:///default"}}).terminate();
    });
    EXPECT_EQ(next.wait_for(std::chrono::milliseconds(1'500)), std::future_status::timeout);
    last.reset();
    EXPECT_EQ(next.get(), 0);
}

TEST(ProcessTest, ABadConfigurationIsRefusedWithItsOwnExitCode) {
    const PrivateBus bus;
    const auto file = std::filesystem::temp_directory_path() / ("virtbus-bad-" + std::to_string(::getpid()) + ".json");
    for (const auto* text :
         {"{", "[]", "{\"hypervisers\": {}}", "{\"hypervisors\": []}", "{\"hypervisors\": {\"a/b\": \"x\"}}",
          "{\"keepalive\": {\"interval\": 0}}", "{\"keepalive\": {\"count\": -1}}", "{\"poll-interval\": 1e300}",
          "{\"poll-interval\": true}", "{\"log-level\": \"loud\"}", "{\"limits\": {\"calls\": -1}}",
          "{\"limits\": {\"moons\": 1}}"}) {
        std::ofstream(file) << text;
        EXPECT_EQ(Virtbusd::run(bus, {"--config", file.string()}), 78) << text;
    }
    std::filesystem::remove(file);
    EXPECT_EQ(Virtbusd::run(bus, {"--config", "/nowhere/virtbus.json"}), 78);
    EXPECT_EQ(Virtbusd::run(bus, {"--no-such-option"}), 2);
    EXPECT_EQ(Virtbusd::run(bus, {"--hypervisor", "no-uri"}), 78);
}

}  // namespace virtbus::test
