// SPDX-License-Identifier: LGPL-2.1-or-later
// A client of the bus: the generated proxies, and every signal of virtbus in the order in which it came. One thread.
#pragma once

#include <org.freedesktop.LogControl1_proxy.h>
#include <org.virtbus1.Container_proxy.h>
#include <org.virtbus1.HostMachineId_proxy.h>
#include <org.virtbus1.Hypervisor_proxy.h>
#include <org.virtbus1.Job_proxy.h>
#include <org.virtbus1.MachineId_proxy.h>
#include <org.virtbus1.Machine_proxy.h>
#include <org.virtbus1.Manager_proxy.h>
#include <org.virtbus1.VirtualMachine_proxy.h>
#include <sdbus-c++/sdbus-c++.h>

#include <chrono>
#include <concepts>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

namespace virtbus::test {

using VariantMap = std::map<std::string, sdbus::Variant>;

/// A signal; of the members only those that it has are filled.
struct Signal {
    std::string path;
    std::string name;                ///< the member, such as PropertiesChanged
    std::string subject;             ///< the path, or for PropertiesChanged the interface, that it is about
    VariantMap changed;              ///< PropertiesChanged
    std::vector<std::string> words;  ///< interfaces of InterfacesAdded/Removed; event and detail; result
    VariantMap properties;           ///< InterfacesAdded: those of the first virtbus1 interface
    std::uint64_t sequence = 0;

    /// The names in `changed`, sorted.
    [[nodiscard]] std::vector<std::string> changed_names() const;
    friend std::ostream& operator<<(std::ostream& stream, const Signal& signal);
};

/// How a call ended: an empty name for success.
struct Failure {
    std::string name;
    std::string message;

    friend std::ostream& operator<<(std::ostream& stream, const Failure& failure) {
        return stream << (failure.name.empty() ? "success" : failure.name + ": " + failure.message);
    }
};

template <std::invocable Piece>
Failure failure_of(Piece&& piece) {
    try {
        piece();
    } catch (const sdbus::Error& error) {
        return {error.getName(), error.getMessage()};
    }
    return {};
}

namespace proxies {

class Manager final
    : public sdbus::ProxyInterfaces<org::virtbus1::Manager_proxy, sdbus::ObjectManager_proxy, sdbus::Properties_proxy> {
public:
    using ProxyInterfaces::ProxyInterfaces;

private:
    void onLifecycle(const sdbus::ObjectPath&, const std::string&, const std::string&, const std::uint64_t&) override {}
    void onJobAdded(const sdbus::ObjectPath&) override {}
    void onJobEnded(const sdbus::ObjectPath&, const std::string&) override {}
    void onResynced(const sdbus::ObjectPath&, const std::uint64_t&) override {}
    void onDuplicateMachineId(const std::string&, const std::vector<sdbus::ObjectPath>&) override {}
    void onDuplicateMachineIdResolved(const std::string&) override {}
    void onInterfacesAdded(const sdbus::ObjectPath&, const std::map<std::string, VariantMap>&) override {}
    void onInterfacesRemoved(const sdbus::ObjectPath&, const std::vector<std::string>&) override {}
    void onPropertiesChanged(const std::string&, const VariantMap&, const std::vector<std::string>&) override {}
};

/// With what only virtual machines have, or only containers.
class Machine final : public sdbus::ProxyInterfaces<org::virtbus1::Machine_proxy, org::virtbus1::VirtualMachine_proxy,
                                                    org::virtbus1::Container_proxy, sdbus::Properties_proxy> {
public:
    using ProxyInterfaces::ProxyInterfaces;

private:
    void onLifecycle(const std::string&, const std::string&, const std::uint64_t&) override {}
    void onPropertiesChanged(const std::string&, const VariantMap&, const std::vector<std::string>&) override {}
};

template <typename Interface>
class Proxy final : public sdbus::ProxyInterfaces<Interface> {
public:
    using sdbus::ProxyInterfaces<Interface>::ProxyInterfaces;
};

using Hypervisor = Proxy<org::virtbus1::Hypervisor_proxy>;
using Job = Proxy<org::virtbus1::Job_proxy>;
using MachineId = Proxy<org::virtbus1::MachineId_proxy>;
using HostMachineId = Proxy<org::virtbus1::HostMachineId_proxy>;
using LogControl = Proxy<org::freedesktop::LogControl1_proxy>;

}  // namespace proxies

/// The reply to a call that goes on beside the test.
struct Reply {
    int count = 0;  ///< how many replies came: one, or something is very wrong
    Failure failure;
};

class Client {
public:
    /// `address` is that of the bus.
    explicit Client(const std::string& address);

    /// Takes what comes until `condition` holds; false when it does not for `patience`.
    template <typename Condition>
    bool wait_until(Condition condition);

    // Without signals of their own: these are all in `signals`.
    std::unique_ptr<proxies::Manager> manager();
    std::unique_ptr<proxies::Machine> machine(const std::string& path);
    std::unique_ptr<proxies::Hypervisor> hypervisor(const std::string& path);
    std::unique_ptr<proxies::Job> job(const std::string& path);
    std::unique_ptr<proxies::MachineId> machine_id(const std::string& path);
    std::unique_ptr<proxies::HostMachineId> host_machine_id();
    std::unique_ptr<proxies::LogControl> log_control();

    /// Calls a method that ends in options, and does not wait for the reply.
    template <typename... Arguments>
    std::shared_ptr<Reply> begin(const std::string& path, const std::string& interface, const std::string& method,
                                 const Arguments&... arguments);

    /// Whether a signal `name` about `subject` came; the first, or nullptr.
    [[nodiscard]] const Signal* find(const std::string& name, const std::string& subject) const;
    [[nodiscard]] std::size_t count(const std::string& name) const;
    bool wait_for(const std::string& name, const std::string& subject) {
        return wait_until([&] { return find(name, subject) != nullptr; });
    }
    /// Gets a reply from the server: all signals that it sent before are here then.
    void flush();

    sdbus::IConnection& connection() { return *connection_; }

    std::vector<Signal> signals;
    std::chrono::seconds patience{60};

private:
    /// Takes what has come; waits a moment if nothing has.
    void turn();
    void take(sdbus::Message& message);
    sdbus::IProxy& proxy(const std::string& path);

    std::unique_ptr<sdbus::IConnection> connection_;
    std::map<std::string, std::unique_ptr<sdbus::IProxy>> proxies_;
};

template <typename Condition>
bool Client::wait_until(Condition condition) {
    const auto end = std::chrono::steady_clock::now() + patience;
    while (!condition()) {
        if (std::chrono::steady_clock::now() >= end) return false;
        turn();
    }
    return true;
}

template <typename... Arguments>
std::shared_ptr<Reply> Client::begin(const std::string& path, const std::string& interface, const std::string& method,
                                     const Arguments&... arguments) {
    auto reply = std::make_shared<Reply>();
    auto& to = proxy(path);
    auto call = to.createMethodCall(interface, method);
    static_cast<void>((call << ... << arguments));
    to.callMethod(call, [reply](sdbus::MethodReply&, const sdbus::Error* error) {
        ++reply->count;
        if (error != nullptr) reply->failure = {error->getName(), error->getMessage()};
    });
    return reply;
}

}  // namespace virtbus::test
