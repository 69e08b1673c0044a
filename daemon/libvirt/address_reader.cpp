// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libvirt/address_reader.h"

#include "base/utf8.h"
#include "libvirt/handle.h"

#include <span>
#include <string>

namespace virtbus {

namespace {

constexpr std::size_t most_addresses = 256;
constexpr std::size_t longest_device = 64;

void add_address(std::vector<Address>& all, const std::string& mac, std::string_view text, std::uint64_t prefix,
                 AddressSource source, const std::string& device = {}) {
    const auto address = IpAddress::parse(text);
    if (!address || all.size() >= most_addresses) return;
    all.push_back({mac, *address, prefix <= address->bits() ? static_cast<unsigned>(prefix) : 0, {source}, device});
}

std::string text_at(const Json& object, const char* key) {
    const auto found = object.find(key);
    return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

std::uint64_t number_at(const Json& object, const char* key) {
    const auto found = object.find(key);
    return found != object.end() && found->is_number_unsigned() ? found->get<std::uint64_t>() : 0;
}

}  // namespace

std::vector<Address> read_host_addresses(const Domain& domain, AddressSource source) {
    const bool from_arp = source == AddressSource::arp;
    virDomainInterfacePtr* found = nullptr;
    const int count = virDomainInterfaceAddresses(
        domain.get(), &found,
        from_arp ? VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_ARP : VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_LEASE, 0);
    domain.check(count, "read the addresses of");
    const InterfaceList interfaces(found, count);
    std::vector<Address> all;
    for (const auto interface : interfaces) {
        const auto mac = clean_mac(interface->hwaddr != nullptr ? interface->hwaddr : "");
        // The ARP table knows no prefix: what libvirt says there is made up.
        for (const auto& address : std::span(interface->addrs, interface->naddrs))
            add_address(all, mac, address.addr, from_arp ? 0 : address.prefix, source);
    }
    return all;
}

std::vector<Address> read_agent_addresses(GuestAgent& agent) {
    const std::string command = "guest-network-get-interfaces";
    const auto answer = agent.ask(command);
    if (!answer.is_array()) throw agent.nonsense(command, "no list");
    std::vector<Address> all;
    for (const auto& interface : answer) {
        if (!interface.is_object()) continue;
        const auto addresses = interface.find("ip-addresses");
        if (addresses == interface.end() || !addresses->is_array()) continue;
        const auto mac = clean_mac(text_at(interface, "hardware-address"));
        const auto device = to_utf8(text_at(interface, "name").substr(0, longest_device));
        for (const auto& address : *addresses)
            if (address.is_object())
                add_address(all, mac, text_at(address, "ip-address"), number_at(address, "prefix"),
                            AddressSource::agent, device);
    }
    return all;
}

}  // namespace virtbus
