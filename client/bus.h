// SPDX-License-Identifier: LGPL-2.1-or-later
// The connection to the bus, and the daemon's objects as C++ ones. One thread, no background loop: calls block, and
// signals are handled only inside wait().
#pragma once

#include <org.virtbus1.Container_proxy.h>
#include <org.virtbus1.HostMachineId_proxy.h>
#include <org.virtbus1.Hypervisor_proxy.h>
#include <org.virtbus1.Image_proxy.h>
#include <org.virtbus1.Job_proxy.h>
#include <org.virtbus1.MachineId_proxy.h>
#include <org.virtbus1.Machine_proxy.h>
#include <org.virtbus1.Manager_proxy.h>
#include <org.virtbus1.Network_proxy.h>
#include <org.virtbus1.Pool_proxy.h>
#include <org.virtbus1.VirtualMachine_proxy.h>
#include <sdbus-c++/sdbus-c++.h>

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "failure.h"
#include "object_name.h"
#include "values.h"

namespace virtbusctl {

inline constexpr const char* service = "org.virtbus1";
inline constexpr const char* root_path = "/org/virtbus1";

/// The properties of any object, in one call.
class PropertyReader {
public:
    PropertyReader(sdbus::IConnection& connection, const std::string& path);
    [[nodiscard]] Dictionary all(const std::string& interface);

private:
    std::unique_ptr<sdbus::IProxy> proxy_;
};

// Signals don't come through proxies (each would cost a match rule): the verbs that want them add a rule of their own.

class Manager final : public sdbus::ProxyInterfaces<org::virtbus1::Manager_proxy> {
public:
    explicit Manager(sdbus::IConnection& connection) : ProxyInterfaces(connection, service, root_path) {}

private:
    void onLifecycle(const sdbus::ObjectPath&, const std::string&, const std::string&, const uint64_t&) override {}
    void onJobAdded(const sdbus::ObjectPath&) override {}
    void onJobEnded(const sdbus::ObjectPath&, const std::string&) override {}
    void onResynced(const sdbus::ObjectPath&, const uint64_t&) override {}
    void onDuplicateMachineId(const std::string&, const std::vector<sdbus::ObjectPath>&) override {}
    void onDuplicateMachineIdResolved(const std::string&) override {}
};

class Hypervisor final : public sdbus::ProxyInterfaces<org::virtbus1::Hypervisor_proxy> {
public:
    Hypervisor(sdbus::IConnection& connection, const std::string& path) : ProxyInterfaces(connection, service, path) {}
};

/// With what only virtual machines have, or only containers.
class Machine final : public sdbus::ProxyInterfaces<org::virtbus1::Machine_proxy, org::virtbus1::VirtualMachine_proxy,
                                                    org::virtbus1::Container_proxy> {
public:
    static constexpr const char* INTERFACE_NAME = org::virtbus1::Machine_proxy::INTERFACE_NAME;
    Machine(sdbus::IConnection& connection, const std::string& path) : ProxyInterfaces(connection, service, path) {}

private:
    void onLifecycle(const std::string&, const std::string&, const uint64_t&) override {}
};

class Pool final : public sdbus::ProxyInterfaces<org::virtbus1::Pool_proxy> {
public:
    Pool(sdbus::IConnection& connection, const std::string& path) : ProxyInterfaces(connection, service, path) {}
};

class Image final : public sdbus::ProxyInterfaces<org::virtbus1::Image_proxy> {
public:
    Image(sdbus::IConnection& connection, const std::string& path) : ProxyInterfaces(connection, service, path) {}
};

class Network final : public sdbus::ProxyInterfaces<org::virtbus1::Network_proxy> {
public:
    Network(sdbus::IConnection& connection, const std::string& path) : ProxyInterfaces(connection, service, path) {}
};

/// Of a machine, beside Machine, or of this host.
class MachineId final : public sdbus::ProxyInterfaces<org::virtbus1::MachineId_proxy> {
public:
    MachineId(sdbus::IConnection& connection, const std::string& path) : ProxyInterfaces(connection, service, path) {}
};

class HostMachineId final : public sdbus::ProxyInterfaces<org::virtbus1::HostMachineId_proxy> {
public:
    explicit HostMachineId(sdbus::IConnection& connection) : ProxyInterfaces(connection, service, host_id_path) {}
};

class Job final : public sdbus::ProxyInterfaces<org::virtbus1::Job_proxy> {
public:
    Job(sdbus::IConnection& connection, const std::string& path) : ProxyInterfaces(connection, service, path) {}
};

class Bus {
public:
    using Handler = std::function<void(sdbus::Message&)>;
    using Subscription = sdbus::Slot;

    /// Connects. Throws Unreachable.
    explicit Bus(BusKind kind);

    [[nodiscard]] BusKind kind() const { return kind_; }
    [[nodiscard]] sdbus::IConnection& connection() { return *connection_; }

    [[nodiscard]] Manager manager() { return Manager(*connection_); }
    [[nodiscard]] Json properties(const std::string& path, const std::string& interface);
    /// Those of a machine: what all have, and what its kind has.
    [[nodiscard]] Json machine_properties(const std::string& path);
    /// The properties of all objects that have the interface, by path: one call, however many they are.
    [[nodiscard]] std::map<std::string, Json> all_properties(const std::string& interface);

    /// The path of the machine of that name or UUID; "" as hypervisor: on any.
    [[nodiscard]] std::string find_machine(const std::string& name_or_uuid, const std::string& hypervisor);

    struct MachineRow {
        std::string path, name, uuid, hypervisor, kind, state, virtualization;
        std::uint32_t vcpus;
        std::uint64_t memory;
    };
    [[nodiscard]] std::vector<MachineRow> list_machines(const Dictionary& filter = {});
    /// The names of all machines, by path.
    [[nodiscard]] std::map<std::string, std::string> machine_names();

    struct PoolRow {
        std::string path, name, hypervisor, type, state;
        std::uint64_t capacity, available;
        std::uint32_t images;
    };
    [[nodiscard]] std::vector<PoolRow> list_pools(const Dictionary& filter = {});

    struct ImageRow {
        std::string path, name, pool, hypervisor, format;
        std::uint64_t size, allocation;
        std::uint32_t users;
    };
    [[nodiscard]] std::vector<ImageRow> list_images(const Dictionary& filter = {});

    struct NetworkRow {
        std::string path, name, hypervisor, forward, bridge;
        bool active, autostart;
        std::vector<std::string> subnets;
    };
    [[nodiscard]] std::vector<NetworkRow> list_networks(const Dictionary& filter = {});

    struct HypervisorView {
        std::string path;
        Json properties;
    };
    [[nodiscard]] std::vector<HypervisorView> hypervisors();
    /// By its properties.
    using Suits = std::function<bool(const Json&)>;
    /// The one of that name; "" means the only one that suits, or the only one there is. Throws Failure.
    [[nodiscard]] HypervisorView find_hypervisor(const std::string& name, const Suits& suits = {});

    /// From when this returns, messages that match are kept until wait() gives them to the handler.
    [[nodiscard]] Subscription subscribe(const std::string& rule, Handler handler);
    /// Says when the daemon comes (true) and goes (false).
    [[nodiscard]] Subscription subscribe_presence(std::function<void(bool)> handler);

    /// Handles what has come and waits for more, until a message was handled, `descriptor` (if not -1) is readable or
    /// the time is over. Whether the descriptor is readable.
    bool wait(std::optional<std::chrono::milliseconds> at_most = {}, int descriptor = -1);

private:
    BusKind kind_;
    std::unique_ptr<sdbus::IConnection> connection_;
};

}  // namespace virtbusctl
