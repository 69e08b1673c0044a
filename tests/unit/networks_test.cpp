// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/networks.h"

#include "unit/hypervisor_fixture.h"

namespace virtbus::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class NetworksRecorder final : public NetworksObserver {
public:
    void network_added(const NetworkPtr& network) override { lines.push_back("added " + network->name); }
    void network_changed(const NetworkPtr& after) override { lines.push_back("changed " + after->name); }
    void network_removed(const NetworkPtr& network) override { lines.push_back("removed " + network->name); }

    std::vector<std::string> lines;
};

class NetworksTest : public HypervisorTest {
protected:
    NetworksTest() { truth().add(make_network("default")); }
    ~NetworksTest() override { networks().ignore(&told); }

    FakeNetworks& truth() { return fake->networks(); }
    Networks& networks() { return hypervisor->networks(); }

    void start() {
        networks().observe(&told);
        HypervisorTest::start();
    }
    /// Starts, and returns when all is listed; what was told until then is forgotten.
    void connect() {
        start();
        run(loop, hypervisor->settled());
        await_quiet();
        told.lines.clear();
    }
    void change(const std::string& name, const std::function<void(Network&)>& how) {
        auto network = truth().network(name).value();
        how(network);
        truth().add(network);
    }
    void await_told(const std::string& line) {
        ASSERT_TRUE(turn_until(loop, [&] { return !told.lines.empty() && told.lines.back() == line; }))
            << "never told: " << line << "; only " << testing::PrintToString(told.lines);
    }

    NetworksRecorder told;
};

TEST_F(NetworksTest, AreListedWhenConnected) {
    truth().add(make_network("lab", "192.168.150.1/24"));
    start();
    run(loop, hypervisor->settled());
    EXPECT_THAT(told.lines, ElementsAre("added default", "added lab"));
    EXPECT_EQ(*networks().find("lab"), truth().network("lab"));
    EXPECT_EQ(networks().find("nowhere"), nullptr);
    EXPECT_EQ(networks().all().size(), 2U);
}

TEST_F(NetworksTest, ComeChangeAndGoAsEventsTell) {
    connect();
    truth().add(make_network("lab"));
    fake->touch_networks();
    await_told("added lab");
    change("lab", [](Network& network) { network.active = false; });
    fake->touch_networks();
    await_told("changed lab");
    EXPECT_FALSE(networks().find("lab")->active);
    truth().erase("lab");
    fake->touch_networks();
    await_told("removed lab");
    EXPECT_EQ(networks().find("lab"), nullptr);
    EXPECT_EQ(told.lines.size(), 3U) << testing::PrintToString(told.lines);
}

TEST_F(NetworksTest, WhatHasNotChangedIsNotTold) {
    connect();
    fake->touch_networks();
    run(loop, networks().refreshed());
    EXPECT_THAT(told.lines, IsEmpty());
}

TEST_F(NetworksTest, WhatChangesWhileTheyAreReadIsReadAgain) {
    connect();
    truth().block();
    fake->touch_networks();
    ASSERT_TRUE(turn_until(loop, [&] { return truth().hanging() == 1; }));
    change("default", [](Network& network) { network.autostart = true; });
    const auto refreshed = begin(loop, networks().refreshed());
    settle(loop);
    EXPECT_FALSE(refreshed->done) << "the reading under way has not seen it";
    truth().release();
    ASSERT_TRUE(turn_until(loop, [&] { return refreshed->done; }));
    EXPECT_TRUE(networks().find("default")->autostart);
    EXPECT_THAT(told.lines, ElementsAre("changed default"));
}

TEST_F(NetworksTest, SettledReturnsWhenAnyReadingFindsItGone) {
    connect();
    truth().erase("default");
    truth().block();
    fake->touch_networks();
    ASSERT_TRUE(turn_until(loop, [&] { return truth().hanging() == 1; }));
    const auto settled = begin(loop, networks().settled("default"));
    truth().fail(Error(Code::failed, "it waits for a reading of its own"));
    truth().release();
    ASSERT_TRUE(turn_until(loop, [&] { return settled->done; }));
    EXPECT_FALSE(settled->failure);
    EXPECT_EQ(networks().find("default"), nullptr);
    run(loop, networks().settled("default"));
}

TEST_F(NetworksTest, ABurstOfEventsIsFewReadings) {
    connect();
    truth().block();
    fake->touch_networks();
    ASSERT_TRUE(turn_until(loop, [&] { return truth().hanging() == 1; }));
    const auto before = truth().listings();
    for (int i = 0; i < 100; ++i) fake->touch_networks();
    truth().release();
    await_quiet();
    EXPECT_EQ(truth().listings(), before + 1);
}

TEST_F(NetworksTest, AreNotReadUnlessThereIsAReason) {
    connect();
    const auto before = truth().listings();
    ASSERT_FALSE(turn_until(
        loop, [&] { return truth().listings() != before; }, std::chrono::milliseconds(200)));
}

TEST_F(NetworksTest, AreReadAgainWhenThatHasFailed) {
    connect();
    truth().add(make_network("lab"));
    truth().fail(Error(Code::failed, "no"));
    const auto outcome = outcome_of([&] { run(loop, networks().refreshed()); });
    EXPECT_TRUE(refuses(outcome, Code::failed, "no")) << outcome;
    await_told("added lab");
}

TEST_F(NetworksTest, StayWhenTheConnectionIsLostAndAreComparedWithTheNext) {
    truth().add(make_network("old"));
    connect();
    fake->close("gone");
    await_state(ConnectionState::disconnected);
    EXPECT_NE(networks().find("old"), nullptr);
    EXPECT_THAT(told.lines, IsEmpty());
    truth().erase("old");
    truth().add(make_network("new"));
    hypervisor->reconnect();
    await_told("removed old");
    EXPECT_THAT(told.lines, ElementsAre("added new", "removed old"));
}

TEST_F(NetworksTest, HaveTextThatFitsTheBus) {
    auto strange = make_network("lab");
    strange.domain = "lab\xff";
    truth().add(strange);
    connect();
    EXPECT_EQ(networks().find("lab")->domain, "lab\uFFFD");
}

}  // namespace
}  // namespace virtbus::test
