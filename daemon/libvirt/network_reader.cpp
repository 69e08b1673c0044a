// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libvirt/network_reader.h"

#include "libvirt/xml.h"
#include "model/error.h"

#include <bit>

namespace virtbus {

namespace {

/// No <forward> at all: nothing leaves the network.
std::string forward_of(const pugi::xml_node& network) {
    const auto forward = network.child("forward");
    if (!forward) return "isolated";
    const auto mode = attribute(forward, "mode");
    return mode.empty() ? "nat" : mode;
}

/// libvirt has either the length of the prefix or, of an IPv4 subnet, its mask.
std::optional<unsigned> prefix_of(const pugi::xml_node& ip) {
    const auto number = number_from(attribute(ip, "prefix"));
    if (number) return *number <= 128 ? std::optional(static_cast<unsigned>(*number)) : std::nullopt;
    const auto mask = IpAddress::parse(attribute(ip, "netmask"));
    if (!mask || !mask->is_ipv4()) return std::nullopt;
    return static_cast<unsigned>(std::popcount(mask->number()));
}

std::optional<Subnet> read_subnet_of(const pugi::xml_node& ip) {
    const auto address = IpAddress::parse(attribute(ip, "address"));
    const auto prefix = prefix_of(ip);
    if (!address || !prefix || *prefix > address->bits()) return std::nullopt;
    Subnet subnet{{*address, *prefix}, {}};
    for (const auto& range : ip.child("dhcp").children("range")) {
        const auto first = IpAddress::parse(attribute(range, "start"));
        const auto last = IpAddress::parse(attribute(range, "end"));
        if (first && last && subnet.dhcp.size() < most_items) subnet.dhcp.push_back({*first, *last});
    }
    return subnet;
}

void append_subnet(pugi::xml_node network, const NetworkSpec& spec) {
    auto ip = network.append_child("ip");
    ip.append_attribute("address") = spec.subnet->address.text().c_str();
    ip.append_attribute("prefix") = spec.subnet->prefix;
    if (!spec.dhcp) return;
    auto range = ip.append_child("dhcp").append_child("range");
    range.append_attribute("start") = spec.dhcp->first.text().c_str();
    range.append_attribute("end") = spec.dhcp->last.text().c_str();
}

}  // namespace

Network read_network_xml(std::string_view xml) {
    pugi::xml_document document;
    const auto root = parse_xml(document, xml, "network");
    const auto uuid = Uuid::parse(text_of(root.child("uuid")));
    if (!uuid) throw Error(Code::invalid_xml, "The network has no UUID");
    Network network;
    network.uuid = *uuid;
    network.name = text_of(root.child("name"));
    network.forward = forward_of(root);
    network.bridge = attribute(root.child("bridge"), "name");
    network.domain = attribute(root.child("domain"), "name");
    for (const auto& ip : root.children("ip"))
        if (auto subnet = read_subnet_of(ip); subnet && network.subnets.size() < most_items)
            network.subnets.push_back(std::move(*subnet));
    return network;
}

std::uint64_t connections_in(std::string_view xml) {
    pugi::xml_document document;
    return number_from(attribute(parse_xml(document, xml, "network"), "connections")).value_or(0);
}

std::string network_xml_of(const NetworkSpec& spec) {
    pugi::xml_document document;
    auto network = document.append_child("network");
    network.append_child("name").text() = spec.name.c_str();
    if (spec.forward != "isolated") network.append_child("forward").append_attribute("mode") = spec.forward.c_str();
    if (!spec.bridge.empty()) network.append_child("bridge").append_attribute("name") = spec.bridge.c_str();
    if (!spec.domain.empty()) network.append_child("domain").append_attribute("name") = spec.domain.c_str();
    if (spec.subnet) append_subnet(network, spec);
    return to_text(network);
}

}  // namespace virtbus
