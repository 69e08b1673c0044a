// SPDX-License-Identifier: LGPL-2.1-or-later
// A virtual network as the mirror holds it, and the leases of its DHCP server: plain values. The words are those of
// org.virtbus1.Network.xml.
#pragma once

#include "base/uuid.h"
#include "model/ip_address.h"

#include <cstdint>
#include <string>
#include <vector>

namespace virtbus {

/// The addresses that DHCP gives away, from the first to the last.
struct DhcpRange {
    IpAddress first;
    IpAddress last;

    bool operator==(const DhcpRange&) const = default;
};

struct Subnet {
    IpSubnet host;  ///< the host's own address in it
    std::vector<DhcpRange> dhcp;

    bool operator==(const Subnet&) const = default;
};

struct Network {
    std::string name;
    Uuid uuid;
    bool active = false;
    bool persistent = true;
    bool autostart = false;
    std::string forward;  ///< nat, route, isolated, bridge, …
    std::string bridge;   ///< "" where it has none
    std::string domain;
    std::vector<Subnet> subnets;

    bool operator==(const Network&) const = default;
};

/// Replaces whatever in its text is not UTF-8.
void clean_text(Network& network);

/// An address that DHCP has given away. Hostname and client id are the guest's words: UTF-8, and not long.
struct Lease {
    std::string mac;
    std::string address;
    std::uint32_t prefix = 0;
    std::string hostname;
    std::uint64_t expires = 0;  ///< microseconds since 1970; 0 = never
    std::string client_id;

    bool operator==(const Lease&) const = default;
};

}  // namespace virtbus
