// SPDX-License-Identifier: LGPL-2.1-or-later
#include "network_text.h"

#include <fmt/format.h>

#include "object_name.h"
#include "output.h"
#include "text.h"

namespace virtbusctl {

namespace {

std::string said(bool flag) { return flag ? "yes" : "no"; }

std::string with_prefix(const Json& address) {
    const auto prefix = number_at(address, "prefix");
    return prefix == 0 ? shown(address, "address") : fmt::format("{}/{}", shown(address, "address"), prefix);
}

/// "192.168.122.1/24, DHCP from 192.168.122.2 to 192.168.122.254"
std::string subnet_text(const Json& subnet) {
    std::string text = with_prefix(subnet);
    for (const auto& range : array_at(subnet, "dhcp"))
        if (range.is_array() && range.size() == 2)
            text += fmt::format(", DHCP from {} to {}", value_text("", range[0]), value_text("", range[1]));
    return text;
}

}  // namespace

std::string network_text(const Json& network) {
    std::string subnets;
    for (const auto& subnet : array_at(network, "Subnets"))
        subnets += (subnets.empty() ? "" : "\n") + subnet_text(subnet);
    Block block;
    block.add("Name", shown(network, "Name"));
    block.add("UUID", shown(network, "Uuid"));
    block.add("Hypervisor", printable(short_name(text_at(network, "Hypervisor"))));
    block.add("Active", said(flag_at(network, "Active")));
    block.add("Forward", shown(network, "Forward"));
    block.add("Bridge", shown(network, "Bridge"));
    block.add("Domain", shown(network, "Domain"));
    block.add("Subnets", subnets);
    block.add("Autostart", said(flag_at(network, "Autostart")));
    block.add("Persistent", said(flag_at(network, "Persistent")));
    return block.text();
}

std::string address_text(const Json& address) {
    std::string text = with_prefix(address);
    if (const auto mac = shown(address, "mac"); !mac.empty()) text += " on " + mac;
    const auto device = shown(address, "device");
    text += fmt::format(" ({}", value_text("", array_at(address, "sources")));
    return text + (device.empty() ? ")" : ": " + device + ")");
}

}  // namespace virtbusctl
