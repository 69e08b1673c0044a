// SPDX-License-Identifier: LGPL-2.1-or-later
// Calls under way: what hangs holds up nobody else, every call is answered exactly once, and neither a machine that
// vanishes nor a caller that leaves does any harm.
#include "bus_fixture.h"

#include <algorithm>
#include <set>

namespace virtbus::test {
namespace {

class CallsTest : public BusTest {
protected:
    static bool all_answered(const std::vector<std::shared_ptr<Reply>>& replies) {
        return std::all_of(replies.begin(), replies.end(), [](const auto& reply) { return reply->count > 0; });
    }
    /// Begins calls that hang in the hypervisor until all its threads do.
    std::vector<std::shared_ptr<Reply>> hang(int count, PortCall call = PortCall::set_title,
                                             const std::string& method = "SetTitle") {
        first->block(call);
        std::vector<std::shared_ptr<Reply>> replies;
        for (int i = 0; i < count; ++i)
            replies.push_back(method == "SetTitle" ? begin(web_path, method, std::to_string(i), VariantMap())
                                                   : begin(web_path, method, VariantMap()));
        EXPECT_TRUE(await_there([&] { return first->hanging(call) == static_cast<std::size_t>(std::min(count, 4)); }));
        return replies;
    }
};

TEST_F(CallsTest, AreHeldUpByNothingThatHangsElsewhere) {
    serve();
    const auto hanging = hang(20);
    client.machine(cache_path)->SetTitle("other hypervisor", {});
    EXPECT_EQ(client.machine(cache_path)->Title(), "other hypervisor");
    EXPECT_EQ(std::get<0>(client.machine(web_path)->GetXml({})), "<domain><name>web</name></domain>");
    EXPECT_EQ(client.machine(web_path)->Name(), "web");
    client.machine(web_path)->PowerOff({});
    EXPECT_EQ(client.machine(web_path)->State(), "shut-off") << "the emergency stop works, and shows";
    for (const auto& reply : hanging) EXPECT_EQ(reply->count, 0);
    first->release(PortCall::set_title);
    EXPECT_TRUE(client.wait_until([&] { return all_answered(hanging); }));
}

TEST_F(CallsTest, BeyondTheLimitAreRefusedAsBusyAndTheOthersAreServed) {
    serve();
    auto replies = hang(300);
    ASSERT_TRUE(client.wait_until([&] {
        return std::count_if(replies.begin(), replies.end(), [](const auto& reply) { return reply->count > 0; }) == 44;
    }));
    for (const auto& reply : replies) {
        if (reply->count == 0) continue;
        EXPECT_EQ(reply->failure.name, "org.virtbus1.Error.Busy") << reply->failure;
    }
    first->release(PortCall::set_title);
    EXPECT_TRUE(client.wait_until([&] { return all_answered(replies); }));
    EXPECT_EQ(
        std::count_if(replies.begin(), replies.end(), [](const auto& reply) { return reply->failure.name.empty(); }),
        256);
    client.machine(web_path)->SetTitle("again", {});
    EXPECT_EQ(client.machine(web_path)->Title(), "again");
}

TEST_F(CallsTest, OnAMachineThatVanishesAreAnsweredAtOnce) {
    serve();
    const auto hanging = hang(3, PortCall::pause, "Pause");
    first->erase(web);
    first->happen(web, "undefined", "removed");
    ASSERT_TRUE(client.wait_until([&] { return all_answered(hanging); }));
    for (const auto& reply : hanging)
        EXPECT_EQ(reply->failure.name, "org.virtbus1.Error.NoSuchMachine") << reply->failure;
    EXPECT_EQ(first->hanging(PortCall::pause), 3U) << "answered though the hypervisor still hangs";
    first->release(PortCall::pause);
    ASSERT_TRUE(await_there([&] { return first->hanging(PortCall::pause) == 0; }));
    client.flush();
    for (const auto& reply : hanging) EXPECT_EQ(reply->count, 1);
}

TEST_F(CallsTest, AJobOnAMachineThatVanishesEnds) {
    serve();
    first->block(PortCall::save);
    const std::string job = client.machine(web_path)->Save({});
    ASSERT_TRUE(await_there([&] { return first->hanging(PortCall::save) == 1; }));
    first->erase(web);
    first->happen(web, "undefined", "removed");
    ASSERT_TRUE(client.wait_for("InterfacesRemoved", web_path));
    first->release(PortCall::save);
    ASSERT_TRUE(client.wait_for("JobEnded", job));
    EXPECT_EQ(client.job(job)->State(), "failed");
    EXPECT_EQ(client.job(job)->Error().get<0>(), "org.virtbus1.Error.NoSuchMachine");
}

TEST_F(CallsTest, OnAHypervisorThatIsLostFailAsDisconnected) {
    serve();
    const auto hanging = hang(6);
    first->block(PortCall::connect);
    first->close("End of file");
    ASSERT_TRUE(client.wait_until([&] { return all_answered(hanging); }));
    for (const auto& reply : hanging)
        EXPECT_EQ(reply->failure.name, "org.virtbus1.Error.Disconnected") << reply->failure;
    ASSERT_TRUE(client.wait_for("PropertiesChanged", first_path));
    const auto late = failure_of([&] { client.machine(web_path)->SetTitle("x", {}); });
    EXPECT_EQ(late.name, "org.virtbus1.Error.Disconnected");
    EXPECT_NE(late.message.find("End of file"), std::string::npos) << late;
}

TEST_F(CallsTest, OfACallerThatLeavesHurtNobody) {
    serve();
    first->block(PortCall::set_title);
    for (int i = 0; i < 10; ++i) {
        Client other(bus.address());
        other.manager()->ListJobs();  // who it is is known then: who leaves before that has asked for nothing
        for (int k = 0; k < 5; ++k)
            other.begin(web_path, "org.virtbus1.Machine", "SetTitle", std::to_string(k), VariantMap());
        other.begin("/org/virtbus1", "org.freedesktop.DBus.ObjectManager", "GetManagedObjects");
        other.manager()->Version();
    }
    first->release(PortCall::set_title);
    EXPECT_TRUE(await_there([&] { return first->calls(PortCall::set_title) == 50; }));
    client.machine(web_path)->SetTitle("still here", {});
    EXPECT_EQ(client.machine(web_path)->Title(), "still here");
}

TEST_F(CallsTest, OfACallerThatLeavesAtOnceHurtNobody) {
    serve();
    for (int i = 0; i < 50; ++i) {
        Client other(bus.address());
        other.begin(web_path, "org.virtbus1.Machine", "SetTitle", std::to_string(i), VariantMap());
        other.connection().processPendingRequest();
    }
    EXPECT_EQ(client.machine(web_path)->Name(), "web");
    EXPECT_EQ(client.manager()->ListMachines({}).size(), 3U);
}

TEST_F(CallsTest, OfAFloodAreEachAnsweredExactlyOnce) {
    serve();
    std::vector<std::shared_ptr<Reply>> replies;
    const std::string manager = "org.virtbus1.Manager";
    for (int i = 0; i < 500; ++i) {
        replies.push_back(begin(web_path, "SetTitle", std::to_string(i), VariantMap()));
        replies.push_back(client.begin("/org/virtbus1", manager, "GetMachine", std::string("web"), VariantMap()));
        replies.push_back(
            client.begin("/org/virtbus1", manager, "ListMachines", VariantMap{{"typo", sdbus::Variant(1)}}));
        replies.push_back(begin(cache_path, "GetXml", VariantMap()));
    }
    ASSERT_TRUE(client.wait_until([&] { return all_answered(replies); }));
    client.flush();
    std::set<std::string> names;
    for (const auto& reply : replies) {
        EXPECT_EQ(reply->count, 1);
        names.insert(reply->failure.name);
    }
    names.erase("org.virtbus1.Error.Busy");
    EXPECT_EQ(names, (std::set<std::string>{"", "org.freedesktop.DBus.Error.InvalidArgs"}));
}

TEST_F(CallsTest, OfManyCallersAtOnceAreAllAnswered) {
    serve();
    std::vector<std::unique_ptr<Client>> clients;
    std::vector<std::shared_ptr<Reply>> replies;
    for (int i = 0; i < 100; ++i) {
        clients.push_back(std::make_unique<Client>(bus.address()));
        for (int k = 0; k < 10; ++k)
            replies.push_back(clients.back()->begin("/org/virtbus1", "org.virtbus1.Manager", "ListJobs"));
    }
    for (const auto& each : clients)
        ASSERT_TRUE(each->wait_until([&, first_of = replies.begin() + 10 * (&each - clients.data())] {
            return std::all_of(first_of, first_of + 10, [](const auto& reply) { return reply->count > 0; });
        }));
    for (const auto& reply : replies) EXPECT_EQ(reply->failure.name, "") << reply->failure;
}

TEST_F(CallsTest, OnAHypervisorThatNeverConnectedAreRefused) {
    first->block(PortCall::connect);
    server = std::make_unique<Server>(bus, Server::Hypervisors{{"first", first}, {"second", second}});
    ASSERT_TRUE(client.wait_for("Resynced", second_path));
    EXPECT_EQ(client.hypervisor(first_path)->ConnectionState(), "connecting");
    const auto refused = failure_of([&] { client.hypervisor(first_path)->GetCapabilitiesXml(); });
    EXPECT_EQ(refused.name, "org.virtbus1.Error.Disconnected") << refused;
    EXPECT_EQ(client.machine(cache_path)->Name(), "cache");
}

TEST_F(CallsTest, AreAnsweredWhenTheDaemonStops) {
    serve();
    const auto hanging = hang(4);
    server->begin_to_stop();
    ASSERT_TRUE(client.wait_until([&] { return all_answered(hanging); }));
    for (const auto& reply : hanging)
        EXPECT_EQ(reply->failure.name, "org.virtbus1.Error.Disconnected") << reply->failure;
}

TEST_F(CallsTest, AreServedByADaemonThatIsStartedAgain) {
    serve();
    const auto generation = client.machine(web_path)->Generation();
    server.reset();
    const auto gone = failure_of([&] { client.machine(web_path)->Name(); });
    EXPECT_EQ(gone.name, "org.freedesktop.DBus.Error.ServiceUnknown") << gone;
    first = FakeHypervisor::make();
    first->add(make_machine("web", 1));
    second = FakeHypervisor::make();
    serve();
    EXPECT_GT(client.machine(web_path)->Generation(), generation);
}

}  // namespace
}  // namespace virtbus::test
