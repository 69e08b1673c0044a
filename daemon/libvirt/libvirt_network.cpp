// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libvirt/libvirt_network.h"

#include "base/log.h"
#include "base/utf8.h"
#include "libvirt/error.h"
#include "libvirt/handle.h"
#include "libvirt/network_reader.h"

#include <fmt/format.h>
#include <libvirt/virterror.h>

#include <cerrno>
#include <string_view>

namespace virtbus {

namespace {

/// A client id has at most 255 bytes, in hexadecimal digits with colons; a name is not longer either.
constexpr std::size_t longest_text = 800;
constexpr std::size_t most_leases = 65'536;

/// Everything that is said of it, and by whom it is in use already, has its name in it.
[[noreturn]] void throw_network_error(virConnectPtr connection, const LibvirtError& error, const std::string& what) {
    // libvirt has no number for it: a bridge that is there already is a system error, all else an internal one.
    const bool is_taken =
        error.code == VIR_ERR_INTERNAL_ERROR && error.message.find("already in use") != std::string::npos;
    if (is_taken || (error.code == VIR_ERR_SYSTEM_ERROR && error.number == EEXIST))
        throw Error(Code::in_use, what + ": " + error.message);
    throw_error(connection, error, what);
}

/// A network of libvirt, which keeps its connection alive, and says in every error which network it is about.
class VirtualNetwork {
public:
    /// Error no_such_network.
    VirtualNetwork(ConnectionPool::Lease lease, const std::string& name) : lease_(std::move(lease)), name_(name) {
        handle_.reset(virNetworkLookupByName(lease_.get(), name.c_str()));
        if (!handle_) fail("find");
    }

    [[nodiscard]] virNetworkPtr get() const { return handle_.get(); }

    void check(int result, std::string_view act) const {
        if (result < 0) fail(act);
    }
    [[noreturn]] void fail(std::string_view act) const {
        const auto error = last_error();
        throw_network_error(lease_.get(), error, fmt::format("Cannot {} network {}", act, name_));
    }
    [[nodiscard]] bool ask(int result, std::string_view act) const {
        check(result, act);
        return result > 0;
    }

    /// libvirt counts the interfaces on it, also those of its other drivers' machines.
    void refuse_connected(std::string_view act) const {
        const TextHandle xml(virNetworkGetXMLDesc(get(), 0));
        if (!xml) fail("read");
        const auto count = connections_in(xml.get());
        if (count > 0)
            throw Error(Code::in_use, fmt::format("Cannot {} network {}: interfaces of machines are on it ({}); take "
                                                  "\"force\" to cut them off",
                                                  act, name_, count));
    }

private:
    ConnectionPool::Lease lease_;
    std::string name_;
    NetworkHandle handle_;
};

std::string words(const char* text) {
    return text == nullptr ? "" : to_utf8(std::string_view(text).substr(0, longest_text));
}

Lease lease_from(const virNetworkDHCPLease& lease) {
    Lease value;
    value.mac = words(lease.mac);
    value.address = words(lease.ipaddr);
    value.prefix = lease.prefix;
    value.hostname = words(lease.hostname);
    value.client_id = words(lease.clientid);
    constexpr long long most = INT64_MAX / 1'000'000;
    if (lease.expirytime > 0 && lease.expirytime < most)
        value.expires = static_cast<std::uint64_t>(lease.expirytime) * 1'000'000;
    return value;
}

void require_answer(virConnectPtr connection, int result, std::string_view name) {
    if (result < 0) throw_last(connection, fmt::format("Cannot read network {}", name));
}

Network read_network(virConnectPtr connection, virNetworkPtr handle) {
    const std::string name = virNetworkGetName(handle);
    const TextHandle xml(virNetworkGetXMLDesc(handle, 0));
    require_answer(connection, xml ? 0 : -1, name);
    auto network = read_network_xml(xml.get());
    const int active = virNetworkIsActive(handle);
    require_answer(connection, active, name);
    const int persistent = virNetworkIsPersistent(handle);
    require_answer(connection, persistent, name);
    int autostart = 0;
    require_answer(connection, virNetworkGetAutostart(handle, &autostart), name);
    network.active = active > 0;
    network.persistent = persistent > 0;
    network.autostart = autostart > 0;
    return network;
}

/// Removes what was defined for a network that could not be made.
[[noreturn]] void take_back(virConnectPtr connection, virNetworkPtr network, const std::string& what) {
    const auto error = last_error();
    if (network != nullptr) {
        if (virNetworkIsActive(network) > 0) virNetworkDestroy(network);
        virNetworkUndefine(network);
    }
    throw_network_error(connection, error, what);
}

}  // namespace

std::vector<Network> LibvirtNetwork::list_networks() {
    const auto lease = connections_.take();
    virNetworkPtr* found = nullptr;
    const int count = virConnectListAllNetworks(lease.get(), &found, 0);
    if (count < 0) {
        const auto error = last_error();
        if (code_from(error, lease.get()) == Code::not_supported) return {};  // a driver without networks
        throw_error(lease.get(), error, "Cannot list the networks");
    }
    const NetworkList handles(found, count);
    std::vector<Network> networks;
    for (const auto handle : handles) {
        try {
            networks.push_back(read_network(lease.get(), handle));
        } catch (const Error& error) {
            if (error.code() == Code::disconnected) throw;
            if (error.code() == Code::no_such_network) continue;  // it went meanwhile
            log::warning(fmt::format("Left out a network: {}", error.what()));
        }
    }
    return networks;
}

std::vector<Lease> LibvirtNetwork::leases(const std::string& name) {
    const VirtualNetwork network(connections_.take(), name);
    virNetworkDHCPLeasePtr* found = nullptr;
    const int count = virNetworkGetDHCPLeases(network.get(), nullptr, &found, 0);
    network.check(count, "read the leases of");
    const LeaseList handles(found, count);
    std::vector<Lease> rows;
    for (const auto lease : handles)
        if (rows.size() < most_leases) rows.push_back(lease_from(*lease));
    return rows;
}

std::string LibvirtNetwork::network_xml(const std::string& name, bool inactive) {
    const VirtualNetwork network(connections_.take(), name);
    const TextHandle xml(virNetworkGetXMLDesc(network.get(), inactive ? VIR_NETWORK_XML_INACTIVE : 0));
    if (!xml) network.fail("read");
    return to_utf8(xml.get());
}

void LibvirtNetwork::create_network(const NetworkSpec& spec) {
    const auto lease = connections_.take();
    const NetworkHandle existing(virNetworkLookupByName(lease.get(), spec.name.c_str()));
    if (existing) throw Error(Code::already_exists, "there is already a network " + spec.name);
    const NetworkHandle network(virNetworkDefineXML(lease.get(), network_xml_of(spec).c_str()));
    const auto what = "Cannot create network " + spec.name;
    if (!network) take_back(lease.get(), nullptr, what);
    if (spec.start && virNetworkCreate(network.get()) < 0) take_back(lease.get(), network.get(), what);
    if (spec.autostart && virNetworkSetAutostart(network.get(), 1) < 0) take_back(lease.get(), network.get(), what);
}

void LibvirtNetwork::start_network(const std::string& name) {
    const VirtualNetwork network(connections_.take(), name);
    network.check(virNetworkCreate(network.get()), "start");
}

void LibvirtNetwork::stop_network(const std::string& name, bool force) {
    const VirtualNetwork network(connections_.take(), name);
    if (!force) network.refuse_connected("stop");
    network.check(virNetworkDestroy(network.get()), "stop");
}

void LibvirtNetwork::delete_network(const std::string& name, bool force) {
    const VirtualNetwork network(connections_.take(), name);
    if (!force) network.refuse_connected("delete");
    const bool persistent = network.ask(virNetworkIsPersistent(network.get()), "read");
    if (network.ask(virNetworkIsActive(network.get()), "read")) network.check(virNetworkDestroy(network.get()), "stop");
    if (persistent) network.check(virNetworkUndefine(network.get()), "delete");
}

void LibvirtNetwork::set_network_autostart(const std::string& name, bool autostart) {
    const VirtualNetwork network(connections_.take(), name);
    if (!network.ask(virNetworkIsPersistent(network.get()), "read"))
        throw Error(Code::invalid_state, "Cannot set the autostart of network " + name + ": it is transient");
    network.check(virNetworkSetAutostart(network.get(), autostart ? 1 : 0), "set the autostart of");
}

}  // namespace virtbus
