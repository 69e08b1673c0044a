// SPDX-License-Identifier: LGPL-2.1-or-later
#include "bus/network_object.h"

#include "bus/changes.h"
#include "bus/paths.h"

#include <fmt/format.h>

#include <algorithm>

namespace virtbus::bus {

NetworkObject::NetworkObject(Services services, std::shared_ptr<virtbus::Hypervisor> hypervisor, NetworkPtr network)
    : Published(services, network_path(hypervisor->name(), network->name)),
      hypervisor_(std::move(hypervisor)),
      network_(std::move(network)) {}

void NetworkObject::show(const NetworkPtr& after) {
    Changes changes;
    changes.compare("Uuid", network_->uuid, after->uuid);
    changes.compare("Active", network_->active, after->active);
    changes.compare("Persistent", network_->persistent, after->persistent);
    changes.compare("Autostart", network_->autostart, after->autostart);
    changes.compare("Forward", network_->forward, after->forward);
    changes.compare("Bridge", network_->bridge, after->bridge);
    changes.compare("Domain", network_->domain, after->domain);
    changes.compare("Subnets", network_->subnets, after->subnets);
    network_ = after;
    announce_changes(changes.names());
}

void NetworkObject::Start(Result&& result, VariantMap options) {
    serve_work(std::move(result), Action::network_manage, std::move(options),
               [](NetworkPort& port, const std::string& name) { port.start_network(name); });
}

void NetworkObject::Stop(Result&& result, VariantMap options) {
    serve_work(std::move(result), Action::network_manage, std::move(options), &NetworkPort::stop_network);
}

void NetworkObject::Delete(Result&& result, VariantMap options) {
    serve_work(std::move(result), Action::network_manage, std::move(options), &NetworkPort::delete_network);
}

void NetworkObject::SetAutostart(Result&& result, bool autostart, VariantMap options) {
    serve_work(
        std::move(result), Action::network_manage, std::move(options),
        [autostart](NetworkPort& port, const std::string& name) { port.set_network_autostart(name, autostart); });
}

void NetworkObject::GetLeases(sdbus::Result<std::vector<LeaseRow>>&& result) {
    serve(getObject(), std::move(result), Action::network_inspect, [this](Call&) -> Task<std::vector<LeaseRow>> {
        auto read = [name = network_->name](Port& port) { return port.networks().leases(name); };
        const auto leases = co_await hypervisor_->run(Lane::query, std::move(read));
        std::vector<LeaseRow> rows;
        for (const auto& lease : leases)
            rows.emplace_back(lease.mac, lease.address, lease.prefix, lease.hostname, lease.expires, lease.client_id);
        co_return rows;
    });
}

void NetworkObject::GetXml(sdbus::Result<std::string>&& result, VariantMap options) {
    serve(getObject(), std::move(result), Action::network_inspect,
          [this, given = Options(std::move(options))](Call&) mutable -> Task<std::string> {
              const bool inactive = given.take<bool>("inactive").value_or(false);
              given.refuse_unknown();
              auto read = [name = network_->name, inactive](Port& port) {
                  return port.networks().network_xml(name, inactive);
              };
              co_return co_await hypervisor_->run(Lane::query, std::move(read));
          });
}

void NetworkObject::serve_work(Result&& result, Action action, VariantMap options, PortWork work) {
    serve(getObject(), std::move(result), action,
          [this, given = Options(std::move(options)), work = std::move(work)](Call&) -> Task<> {
              given.refuse_unknown();
              co_await call_port(work);
              co_await hypervisor_->networks().refreshed();
          });
}

void NetworkObject::serve_work(Result&& result, Action action, VariantMap options, CutOff work) {
    serve(getObject(), std::move(result), action,
          [this, given = Options(std::move(options)), work](Call&) mutable -> Task<> {
              const bool force = given.take<bool>("force").value_or(false);
              given.refuse_unknown();
              if (!force) refuse_running_machines();
              auto cut = [work, force](NetworkPort& port, const std::string& name) { (port.*work)(name, force); };
              co_await call_port(std::move(cut));
              co_await hypervisor_->networks().settled(network_->name);
          });
}

Task<> NetworkObject::call_port(PortWork work) {
    auto call = [work = std::move(work), name = network_->name](Port& port) { work(port.networks(), name); };
    co_await hypervisor_->run(Lane::work, std::move(call));
}

void NetworkObject::refuse_running_machines() const {
    const auto is_on_it = [this](const Interface& interface) {
        return interface.type == "network" && interface.network == network_->name;
    };
    for (const auto& [uuid, machine] : hypervisor_->inventory().machines())
        if (is_active(machine->state) && std::any_of(machine->interfaces.begin(), machine->interfaces.end(), is_on_it))
            throw Error(Code::in_use, fmt::format("machine {} is running on network {}: shut it down first, or take "
                                                  "\"force\"",
                                                  machine->name, network_->name));
}

sdbus::ObjectPath NetworkObject::Hypervisor() { return hypervisor_path(hypervisor_->name()); }

std::vector<VariantMap> NetworkObject::Subnets() { return to_dictionaries(network_->subnets); }

virtbus::Error NetworkObject::gone() const {
    return {Code::no_such_network, fmt::format("network {} is gone", network_->name)};
}

}  // namespace virtbus::bus
