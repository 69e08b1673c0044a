// SPDX-License-Identifier: LGPL-2.1-or-later
// The IP addresses of a machine, and who says that it has them: plain values. The words are those of Machine.Addresses.
#pragma once

#include "model/ip_address.h"

#include <string>
#include <string_view>
#include <vector>

namespace virtbus {

struct Interface;

enum class AddressSource {
    lease,  ///< a DHCP server of libvirt has given it away
    arp,    ///< the host has seen it
    agent,  ///< the guest says so
};

std::string_view to_string(AddressSource source);

struct Address {
    std::string mac;  ///< of the interface, lower-case; "" when it has none
    IpAddress address;
    unsigned prefix = 0;  ///< 0 = not known
    std::vector<AddressSource> sources;
    std::string device;  ///< the guest's name of the interface, if the agent has told; UTF-8, and not long

    bool operator==(const Address&) const = default;
};

/// A MAC address in lower case; "" for what is none.
std::string clean_mac(std::string_view text);

/// What several sources have found, as one: each address of an interface once, without loopback and what no machine
/// has, and in the order of Machine.Addresses. `interfaces` are the machine's.
std::vector<Address> merged(const std::vector<Address>& found, const std::vector<Interface>& interfaces);

}  // namespace virtbus
