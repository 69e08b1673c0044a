// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/network_spec.h"

#include "base/utf8.h"
#include "model/error.h"
#include "model/hostname.h"
#include "model/machine_spec.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace virtbus {

namespace {

constexpr unsigned shortest_prefix = 16;
constexpr unsigned longest_prefix = 30;
constexpr std::size_t bridge_max = 15;  // IFNAMSIZ of Linux

constexpr std::array<std::string_view, 4> forwards{"nat", "route", "isolated", "bridge"};

void check_bridge(std::string_view name) {
    const auto is_fit = [](char letter) {
        return (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') ||
               (letter >= '0' && letter <= '9') || letter == '-' || letter == '_' || letter == '.';
    };
    if (name.size() > bridge_max || !std::all_of(name.begin(), name.end(), is_fit) || name == "." || name == "..")
        refuse_value("bridge",
                     fmt::format("\"{}\" is no name of a bridge: at most {} letters, digits, \"-\", \"_\" and "
                                 "\".\"",
                                 to_utf8(name.substr(0, 100)), bridge_max));
}

void check_range(const DhcpRange& range, const std::optional<IpSubnet>& subnet) {
    if (!subnet) refuse_value("dhcp", "there is no subnet to give addresses of");
    const auto is_host = [&](const IpAddress& address) {
        return subnet->contains(address) && address.number() != subnet->network() &&
               address.number() != subnet->broadcast();
    };
    if (!is_host(range.first) || !is_host(range.last) || range.last < range.first)
        refuse_value("dhcp_range", fmt::format("{} to {} is no range of addresses in {}", range.first.text(),
                                               range.last.text(), subnet->text()));
    if (range.first <= subnet->address && subnet->address <= range.last)
        refuse_value("dhcp_range", fmt::format("{} is the host's own address", subnet->address.text()));
}

/// The host's bridge has a network already.
void check_bridged(const NetworkSpec& spec) {
    if (spec.bridge.empty()) refuse_value("bridge", "required with forward bridge: a bridge that the host has already");
    if (spec.subnet) refuse_value("subnet", "with forward bridge its machines are in the host's own network");
    if (!spec.domain.empty()) refuse_value("domain", "with forward bridge nobody gives its machines one");
}

}  // namespace

IpSubnet read_subnet(std::string_view text) {
    auto subnet = IpSubnet::parse(text);
    if (!subnet || !subnet->address.is_ipv4())
        refuse_value("subnet",
                     fmt::format("\"{}\" is no IPv4 subnet such as 192.168.150.0/24", to_utf8(text.substr(0, 100))));
    if (subnet->prefix < shortest_prefix || subnet->prefix > longest_prefix)
        refuse_value("subnet", fmt::format("a prefix of {} bits is not between {} and {}", subnet->prefix,
                                           shortest_prefix, longest_prefix));
    if (subnet->address.number() == subnet->network()) subnet->address = IpAddress::ipv4(subnet->network() + 1);
    if (subnet->address.number() == subnet->broadcast())
        refuse_value("subnet", fmt::format("{} is its broadcast address", subnet->address.text()));
    if (!subnet->address.is_unicast() || subnet->address.is_loopback())
        refuse_value("subnet", fmt::format("{} cannot be the host's address", subnet->address.text()));
    return *subnet;
}

DhcpRange default_range(const IpSubnet& subnet) {
    const auto host = subnet.address.number();
    if (host + 1 < subnet.broadcast()) return {IpAddress::ipv4(host + 1), IpAddress::ipv4(subnet.broadcast() - 1)};
    return {IpAddress::ipv4(subnet.network() + 1), IpAddress::ipv4(host - 1)};
}

void validate(const NetworkSpec& spec) {
    check_name("name", spec.name);
    if (std::find(forwards.begin(), forwards.end(), spec.forward) == forwards.end())
        refuse_value("forward", fmt::format("must be one of {}", fmt::join(forwards, ", ")));
    check_bridge(spec.bridge);
    // Others read it from a file of lines.
    if (!spec.domain.empty() && !is_hostname(spec.domain)) refuse_value("domain", "it is no DNS domain");
    if (spec.dhcp) check_range(*spec.dhcp, spec.subnet);
    if (spec.forward == "bridge")
        check_bridged(spec);
    else if (spec.forward != "isolated" && !spec.subnet)
        refuse_value("subnet", fmt::format("required with forward {}, such as 192.168.150.0/24", spec.forward));
}

void refuse_conflicts(const NetworkSpec& spec, const std::vector<std::shared_ptr<const Network>>& others) {
    for (const auto& other : others) {
        if (other->name == spec.name)
            throw Error(Code::already_exists, fmt::format("there is already a network {}", spec.name));
        // Any number may be on a bridge of the host's own.
        if (!spec.bridge.empty() && spec.bridge == other->bridge &&
            (spec.forward != "bridge" || other->forward != "bridge"))
            throw Error(Code::in_use, fmt::format("bridge: {} is that of network {}", spec.bridge, other->name));
        for (const auto& subnet : other->subnets)
            if (spec.subnet && spec.subnet->overlaps(subnet.host))
                throw Error(Code::in_use, fmt::format("subnet: {} overlaps that of network {}, {}", spec.subnet->text(),
                                                      other->name, subnet.host.text()));
    }
}

}  // namespace virtbus
