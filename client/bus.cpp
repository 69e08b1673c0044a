// SPDX-License-Identifier: LGPL-2.1-or-later
#include "bus.h"

#include <fmt/format.h>
#include <poll.h>
#include <systemd/sd-bus.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

#include "text.h"

namespace virtbusctl {

namespace {

// Starting a machine with much memory, or a prompt for a password, takes more than the 25 s that D-Bus gives.
constexpr std::chrono::minutes call_timeout{5};

/// Lets polkit ask the person at the terminal. sdbus-c++ has no call for it: hence the way through a message.
struct RawMessage : sdbus::Message {
    static sd_bus_message* of(const sdbus::Message& message) {
        return static_cast<sd_bus_message*>(message.*(&RawMessage::msg_));
    }
};

void allow_interactive_authorization(sdbus::IConnection& connection) {
    const auto proxy = sdbus::createProxy(connection, service, root_path);
    const auto message = proxy->createMethodCall("org.freedesktop.DBus.Peer", "Ping");
    sd_bus_set_allow_interactive_authorization(sd_bus_message_get_bus(RawMessage::of(message)), 1);
}

int poll_timeout(const sdbus::IConnection& connection, std::optional<std::chrono::milliseconds> at_most) {
    const int bus = connection.getEventLoopPollData().getPollTimeout();
    if (!at_most) return bus;
    const int own = static_cast<int>(at_most->count());
    return bus < 0 ? own : std::min(bus, own);
}

}  // namespace

PropertyReader::PropertyReader(sdbus::IConnection& connection, const std::string& path)
    : proxy_(sdbus::createProxy(connection, service, path)) {}

Dictionary PropertyReader::all(const std::string& interface) {
    Dictionary properties;
    proxy_->callMethod("GetAll")
        .onInterface("org.freedesktop.DBus.Properties")
        .withArguments(interface)
        .storeResultsTo(properties);
    return properties;
}

Bus::Bus(BusKind kind) : kind_(kind) {
    try {
        connection_ =
            kind == BusKind::session ? sdbus::createSessionBusConnection() : sdbus::createSystemBusConnection();
        connection_->setMethodCallTimeout(call_timeout);
        allow_interactive_authorization(*connection_);
    } catch (const sdbus::Error& error) {
        throw Unreachable(explain_no_bus(error, kind));
    }
}

Json Bus::properties(const std::string& path, const std::string& interface) {
    return to_json(PropertyReader(*connection_, path).all(interface));
}

Json Bus::machine_properties(const std::string& path) {
    auto result = properties(path, Machine::INTERFACE_NAME);
    const bool is_container = text_at(result, "Kind") == "container";
    result.update(properties(path, is_container ? org::virtbus1::Container_proxy::INTERFACE_NAME
                                                : org::virtbus1::VirtualMachine_proxy::INTERFACE_NAME));
    return result;
}

std::map<std::string, Json> Bus::all_properties(const std::string& interface) {
    std::map<sdbus::ObjectPath, std::map<std::string, Dictionary>> objects;
    sdbus::createProxy(*connection_, service, root_path)
        ->callMethod("GetManagedObjects")
        .onInterface("org.freedesktop.DBus.ObjectManager")
        .storeResultsTo(objects);
    std::map<std::string, Json> result;
    for (const auto& [path, interfaces] : objects)
        if (const auto found = interfaces.find(interface); found != interfaces.end())
            result[path] = to_json(found->second);
    return result;
}

std::string Bus::find_machine(const std::string& name_or_uuid, const std::string& hypervisor) {
    Dictionary options;
    if (!hypervisor.empty()) options["hypervisor"] = hypervisor;
    return manager().GetMachine(name_or_uuid, options);
}

std::vector<Bus::MachineRow> Bus::list_machines(const Dictionary& filter) {
    std::vector<MachineRow> rows;
    for (const auto& row : manager().ListMachines(filter))
        rows.push_back({row.get<0>(), row.get<1>(), row.get<2>(), row.get<3>(), row.get<4>(), row.get<5>(),
                        row.get<6>(), row.get<7>(), row.get<8>()});
    return rows;
}

std::map<std::string, std::string> Bus::machine_names() {
    std::map<std::string, std::string> names;
    for (auto& machine : list_machines()) names[machine.path] = std::move(machine.name);
    return names;
}

std::vector<Bus::PoolRow> Bus::list_pools(const Dictionary& filter) {
    std::vector<PoolRow> rows;
    for (const auto& row : manager().ListPools(filter))
        rows.push_back({row.get<0>(), row.get<1>(), row.get<2>(), row.get<3>(), row.get<4>(), row.get<5>(),
                        row.get<6>(), row.get<7>()});
    return rows;
}

std::vector<Bus::ImageRow> Bus::list_images(const Dictionary& filter) {
    std::vector<ImageRow> rows;
    for (const auto& row : manager().ListImages(filter))
        rows.push_back({row.get<0>(), row.get<1>(), row.get<2>(), row.get<3>(), row.get<4>(), row.get<5>(),
                        row.get<6>(), row.get<7>()});
    return rows;
}

std::vector<Bus::NetworkRow> Bus::list_networks(const Dictionary& filter) {
    std::vector<NetworkRow> rows;
    for (const auto& row : manager().ListNetworks(filter))
        rows.push_back({row.get<0>(), row.get<1>(), row.get<2>(), row.get<3>(), row.get<4>(), row.get<5>(),
                        row.get<6>(), row.get<7>()});
    return rows;
}

std::vector<Bus::HypervisorView> Bus::hypervisors() {
    std::vector<HypervisorView> result;
    for (const auto& path : manager().Hypervisors()) {
        try {
            result.push_back({path, properties(path, Hypervisor::INTERFACE_NAME)});
        } catch (const sdbus::Error& error) {
            if (error.getName() != "org.freedesktop.DBus.Error.UnknownObject") throw;  // it was removed meanwhile
        }
    }
    return result;
}

Bus::HypervisorView Bus::find_hypervisor(const std::string& name, const Suits& suits) {
    auto all = hypervisors();
    const auto does_not_suit = [&](const HypervisorView& hypervisor) { return !suits(hypervisor.properties); };
    if (name.empty() && suits && !std::all_of(all.begin(), all.end(), does_not_suit)) std::erase_if(all, does_not_suit);
    std::string names;
    for (auto& hypervisor : all) {
        const auto known = text_at(hypervisor.properties, "Name");
        if (known == name || (name.empty() && all.size() == 1)) return std::move(hypervisor);
        names += (names.empty() ? "" : ", ") + printable(known);
    }
    if (all.empty()) throw Failure("virtbus knows no hypervisor");
    if (name.empty()) throw Failure(fmt::format("there are several hypervisors ({}): choose one with -H", names));
    throw Failure(fmt::format("there is no hypervisor \"{}\", only {}", printable(name), names));
}

Bus::Subscription Bus::subscribe(const std::string& rule, Handler handler) {
    return connection_->addMatch(rule, std::move(handler));
}

Bus::Subscription Bus::subscribe_presence(std::function<void(bool)> handler) {
    const auto rule = fmt::format(
        "type='signal',sender='org.freedesktop.DBus',interface='org.freedesktop.DBus',member='NameOwnerChanged',"
        "arg0='{}'",
        service);
    return subscribe(rule, [handler = std::move(handler)](sdbus::Message& message) {
        std::string name;
        std::string old_owner;
        std::string new_owner;
        message >> name >> old_owner >> new_owner;
        handler(!new_owner.empty());
    });
}

bool Bus::wait(std::optional<std::chrono::milliseconds> at_most, int descriptor) {
    bool handled = false;
    while (connection_->processPendingRequest()) handled = true;
    const auto data = connection_->getEventLoopPollData();
    std::array<pollfd, 2> descriptors{pollfd{data.fd, data.events, 0}, pollfd{descriptor, POLLIN, 0}};
    const int timeout = handled ? 0 : poll_timeout(*connection_, at_most);
    if (::poll(descriptors.data(), descriptors.size(), timeout) < 0 && errno != EINTR)
        throw std::system_error(errno, std::generic_category(), "poll");
    while (connection_->processPendingRequest()) {
    }
    return descriptors[1].revents != 0;
}

}  // namespace virtbusctl
