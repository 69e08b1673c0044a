// SPDX-License-Identifier: LGPL-2.1-or-later
// What CreateNetwork is asked for, and what may be asked. Pure functions.
#pragma once

#include "model/network.h"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace virtbus {

struct NetworkSpec {
    std::string name;
    std::string forward = "nat";     ///< nat, route, isolated or bridge
    std::string bridge;              ///< "": libvirt chooses a name
    std::optional<IpSubnet> subnet;  ///< with the host's own address
    std::optional<DhcpRange> dhcp;
    std::string domain;
    bool autostart = false;
    bool start = false;
};

/// "192.168.150.0/24": the host's own address is the one given, or the first where that is the subnet's.
/// Error invalid_args.
IpSubnet read_subnet(std::string_view text);

/// What DHCP gives away unless it is told: all from the host's own address to the end, or all before it.
DhcpRange default_range(const IpSubnet& subnet);

/// Refuses (invalid_args, naming the key) what makes no network.
void validate(const NetworkSpec& spec);

/// Error already_exists or in_use when one of these has the name, the subnet or the bridge already.
void refuse_conflicts(const NetworkSpec& spec, const std::vector<std::shared_ptr<const Network>>& others);

}  // namespace virtbus
