// SPDX-License-Identifier: LGPL-2.1-or-later
// A bus, the server on it with two fake hypervisors, and a client.
#pragma once

#include "bus/paths.h"
#include "server.h"
#include "support/client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace virtbus::test {

class BusTest : public testing::Test {
protected:
    explicit BusTest(PrivateBus::Policy policy = PrivateBus::Policy::session) : bus(policy), client(bus.address()) {
        first->add(make_machine("web", 1, MachineState::running));
        first->add(make_machine("db", 2));
        second->add(make_machine("cache", 3, MachineState::running));
    }

    /// Starts the server, and returns when both hypervisors are listed; signals until then are forgotten.
    void serve(bus::BusType type = bus::BusType::session, AllowedFiles allowed = AllowedFiles::everything()) {
        server = std::make_unique<Server>(bus, Server::Hypervisors{{"first", first}, {"second", second}}, type,
                                          std::move(allowed));
        ASSERT_TRUE(client.wait_until([&] { return client.count("Resynced") == 2; }));
        client.signals.clear();
    }

    /// A call to the machine that ends in options, in the background.
    template <typename... Arguments>
    std::shared_ptr<Reply> begin(const std::string& path, const std::string& method, const Arguments&... arguments) {
        return client.begin(path, "org.virtbus1.Machine", method, arguments...);
    }
    bool await(const std::shared_ptr<Reply>& reply) {
        return client.wait_until([&] { return reply->count > 0; });
    }
    /// Other threads change this: no message wakes the client.
    template <typename Condition>
    bool await_there(Condition condition) {
        return client.wait_until(condition);
    }
    sdbus::Variant get(const std::string& path, const std::string& property) {
        return client.machine(path)->Get("org.virtbus1.Machine", property);
    }

    const std::string first_path = "/org/virtbus1/hypervisor/first";
    const std::string second_path = "/org/virtbus1/hypervisor/second";
    const Uuid web = make_uuid(1);
    const Uuid database = make_uuid(2);
    const Uuid cache = make_uuid(3);
    const std::string web_path = bus::machine_path("first", web);
    const std::string database_path = bus::machine_path("first", database);
    const std::string cache_path = bus::machine_path("second", cache);

    PrivateBus bus;
    std::shared_ptr<FakeHypervisor> first = FakeHypervisor::make();
    std::shared_ptr<FakeHypervisor> second = FakeHypervisor::make();
    Client client;
    std::unique_ptr<Server> server;
};

}  // namespace virtbus::test
