// SPDX-License-Identifier: LGPL-2.1-or-later
// A bus, the server on it with two fake hypervisors, and a client.
#pragma once

#include "bus/paths.h"
#include "other_program.h"
#include "server.h"
#include "support/client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <unistd.h>

#include <memory>
#include <string>
#include <vector>

namespace virtbus::test {

inline const std::string access_denied = "org.freedesktop.DBus.Error.AccessDenied";

class BusTest : public testing::Test {
protected:
    explicit BusTest(PrivateBus::Policy policy = PrivateBus::Policy::session) : bus(policy), client(bus.address()) {
        first->add(make_machine("web", 1, MachineState::running));
        first->add(make_machine("db", 2));
        second->add(make_machine("cache", 3, MachineState::running));
    }

    /// Starts the server, and returns when both hypervisors are listed, and this host's machine-id was looked at;
    /// signals until then are forgotten.
    void serve(bus::BusType type = bus::BusType::session, AllowedFiles allowed = AllowedFiles::everything()) {
        server = std::make_unique<Server>(bus, Server::Hypervisors{{"first", first}, {"second", second}}, type,
                                          std::move(allowed), more, limits);
        ASSERT_TRUE(client.wait_until([&] { return client.count("Resynced") == 2; }));
        client.manager()->ListMachines({});  // it is answered when this host's machine-id was looked at, too
        ASSERT_NE(client.machine_id("/org/virtbus1/machine_id")->State(), "unknown");
        client.flush();
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

    /// A program that makes a call as `uid`. `given`: the arguments, as other_caller.cpp takes them.
    template <typename... Arguments>
    std::unique_ptr<OtherProgram> begin_as(uid_t uid, const std::string& path, const std::string& interface,
                                           const std::string& method, const Arguments&... given) {
        return std::make_unique<OtherProgram>(std::vector<std::string>{
            VIRTBUS_OTHER_CALLER, std::to_string(uid), bus.address(), path, interface, method, given...});
    }
    /// What the call ends with when nobody makes it: "ok", or the error's name.
    template <typename... Arguments>
    std::string as_nobody(const std::string& path, const std::string& interface, const std::string& method,
                          const Arguments&... given) {
        return begin_as(nobody_uid, path, interface, method, given...)->line();
    }

    static constexpr uid_t nobody_uid = 65534;
    static constexpr uid_t daemon_uid = 1;  // Debian has it everywhere: the bus wants users that there are
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
    Server::Hypervisors more;  // may be added
    Limits limits;
    Client client;
    std::unique_ptr<Server> server;
};

}  // namespace virtbus::test
