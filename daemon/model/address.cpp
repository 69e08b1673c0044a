// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/address.h"

#include "model/machine.h"

#include <algorithm>
#include <tuple>

namespace virtbus {

namespace {

constexpr std::size_t mac_size = 17;  // 52:54:00:12:34:56

/// Which of the machine's interfaces has it; behind all of them for one of another.
std::size_t rank(const Address& address, const std::vector<Interface>& interfaces) {
    const auto found = std::find_if(interfaces.begin(), interfaces.end(), [&](const Interface& interface) {
        return !address.mac.empty() && clean_mac(interface.mac) == address.mac;
    });
    return static_cast<std::size_t>(found - interfaces.begin());
}

void add_to(Address& known, const Address& more) {
    if (known.prefix == 0) known.prefix = more.prefix;
    if (known.device.empty()) known.device = more.device;
    for (const auto source : more.sources)
        if (std::find(known.sources.begin(), known.sources.end(), source) == known.sources.end())
            known.sources.push_back(source);
}

}  // namespace

std::string_view to_string(AddressSource source) {
    switch (source) {
        case AddressSource::lease: return "lease";
        case AddressSource::arp: return "arp";
        case AddressSource::agent: return "agent";
    }
    return "";
}

std::string clean_mac(std::string_view text) {
    if (text.size() != mac_size) return "";
    std::string mac(text);
    for (std::size_t i = 0; i < mac_size; ++i) {
        auto& letter = mac[i];
        if (letter >= 'A' && letter <= 'F') letter = static_cast<char>(letter - 'A' + 'a');
        const bool is_digit = (letter >= '0' && letter <= '9') || (letter >= 'a' && letter <= 'f');
        if (i % 3 == 2 ? letter != ':' : !is_digit) return "";
    }
    return mac;
}

std::vector<Address> merged(const std::vector<Address>& found, const std::vector<Interface>& interfaces) {
    std::vector<Address> all;
    for (const auto& each : found) {
        if (each.address.is_loopback() || !each.address.is_unicast()) continue;
        const auto same = std::find_if(all.begin(), all.end(), [&](const Address& known) {
            return known.mac == each.mac && known.address == each.address;
        });
        if (same == all.end())
            all.push_back(each);
        else
            add_to(*same, each);
    }
    const auto order = [&](const Address& address) {
        const auto interface = rank(address, interfaces);
        return std::tuple(interface == interfaces.size(), address.address.is_link_local(), interface, address.address,
                          address.mac);
    };
    std::sort(all.begin(), all.end(),
              [&](const Address& left, const Address& right) { return order(left) < order(right); });
    return all;
}

}  // namespace virtbus
