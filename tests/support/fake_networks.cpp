// SPDX-License-Identifier: LGPL-2.1-or-later
#include "support/fake_networks.h"

#include <fmt/format.h>

#include <array>
#include <stdexcept>

namespace virtbus::test {

Network make_network(const std::string& name, const std::string& subnet) {
    std::array<std::uint8_t, Uuid::size> bytes{0xde, 0xad, 0, 0, 0, 0, 0x40, 0, 0x80};
    for (std::size_t i = 0; i < name.size() && i < 7; ++i) bytes.at(9 + i) = static_cast<std::uint8_t>(name[i]);
    Network network;
    network.name = name;
    network.uuid = Uuid(bytes);
    network.active = true;
    network.forward = "nat";
    network.bridge = "virbr0";
    const auto host = IpSubnet::parse(subnet).value();
    network.subnets = {{host, {default_range(host)}}};
    return network;
}

FakeNetworks::Lock FakeNetworks::enter() {
    Lock lock(mutex_);
    if (!failure_) return lock;
    const Error error = *failure_;
    if (--failures_ == 0) failure_.reset();
    throw error;
}

Network& FakeNetworks::find(const std::string& name) {
    const auto found = networks_.find(name);
    if (found == networks_.end()) throw Error(Code::no_such_network, "there is no network " + name);
    return found->second;
}

void FakeNetworks::add(Network network) {
    const Lock lock(mutex_);
    networks_[network.name] = std::move(network);
}

void FakeNetworks::erase(const std::string& name) {
    const Lock lock(mutex_);
    networks_.erase(name);
}

std::optional<Network> FakeNetworks::network(const std::string& name) const {
    const Lock lock(mutex_);
    const auto found = networks_.find(name);
    return found == networks_.end() ? std::nullopt : std::optional(found->second);
}

void FakeNetworks::set_leases(std::vector<Lease> leases) {
    const Lock lock(mutex_);
    leases_ = std::move(leases);
}

void FakeNetworks::fail(const Error& error, int times) {
    const Lock lock(mutex_);
    failure_ = error;
    failures_ = times;
}

int FakeNetworks::listings() const {
    const Lock lock(mutex_);
    return listings_;
}

void FakeNetworks::block() {
    const Lock lock(mutex_);
    blocked_ = true;
}

void FakeNetworks::release() {
    const Lock lock(mutex_);
    blocked_ = false;
    changed_.notify_all();
}

int FakeNetworks::hanging() const {
    const Lock lock(mutex_);
    return hanging_;
}

std::vector<Network> FakeNetworks::list_networks() {
    auto lock = enter();
    ++listings_;
    std::vector<Network> all;
    for (const auto& [name, network] : networks_) all.push_back(network);
    ++hanging_;
    changed_.wait(lock, [&] { return !blocked_; });
    --hanging_;
    return all;
}

std::vector<Lease> FakeNetworks::leases(const std::string& name) {
    const auto lock = enter();
    find(name);
    return leases_;
}

std::string FakeNetworks::network_xml(const std::string& name, bool inactive) {
    const auto lock = enter();
    return fmt::format("<network{}><name>{}</name></network>", inactive ? " inactive='yes'" : "", find(name).name);
}

void FakeNetworks::create_network(const NetworkSpec& spec) {
    const auto lock = enter();
    if (networks_.contains(spec.name)) throw Error(Code::already_exists, "there is already a network " + spec.name);
    Network network = make_network(spec.name);
    network.active = spec.start;
    network.autostart = spec.autostart;
    network.forward = spec.forward;
    network.bridge = spec.bridge;
    network.domain = spec.domain;
    network.subnets.clear();
    if (spec.subnet) network.subnets.push_back({*spec.subnet, {}});
    if (spec.dhcp) network.subnets.front().dhcp.push_back(*spec.dhcp);
    networks_[spec.name] = std::move(network);
}

void FakeNetworks::start_network(const std::string& name) {
    const auto lock = enter();
    if (find(name).active) throw Error(Code::invalid_state, "network " + name + " is active");
    find(name).active = true;
}

void FakeNetworks::stop_network(const std::string& name, bool) {
    const auto lock = enter();
    if (!find(name).active) throw Error(Code::invalid_state, "network " + name + " is not active");
    find(name).active = false;
}

void FakeNetworks::delete_network(const std::string& name, bool) {
    const auto lock = enter();
    find(name);
    networks_.erase(name);
}

void FakeNetworks::set_network_autostart(const std::string& name, bool autostart) {
    const auto lock = enter();
    find(name).autostart = autostart;
}

}  // namespace virtbus::test
