// SPDX-License-Identifier: LGPL-2.1-or-later
#include "bus/network_spec_reader.h"

#include "base/utf8.h"

#include <fmt/format.h>

namespace virtbus::bus {

namespace {

using Pair = sdbus::Struct<std::string, std::string>;

IpAddress read_ipv4(const std::string& key, const std::string& text) {
    const auto address = IpAddress::parse(text);
    if (!address || !address->is_ipv4())
        throw Error(Code::invalid_args,
                    fmt::format("{}: \"{}\" is no IPv4 address", key, to_utf8(std::string_view(text).substr(0, 100))));
    return *address;
}

std::optional<DhcpRange> take_dhcp(Options& options, const std::optional<IpSubnet>& subnet) {
    const auto wanted = options.take<bool>("dhcp");
    const auto range = options.take<Pair>("dhcp_range");
    if (range && wanted == false) throw Error(Code::invalid_args, "dhcp_range: there is none without dhcp");
    if (range) return DhcpRange{read_ipv4("dhcp_range", range->get<0>()), read_ipv4("dhcp_range", range->get<1>())};
    if (wanted == true && !subnet) throw Error(Code::invalid_args, "dhcp: there is no subnet to give addresses of");
    if (!subnet || wanted == false) return std::nullopt;
    return default_range(*subnet);
}

}  // namespace

NetworkSpec read_network_spec(VariantMap values) {
    Options options(std::move(values));
    NetworkSpec spec;
    const auto name = options.take<std::string>("name");
    options.take_into("forward", spec.forward);
    options.take_into("bridge", spec.bridge);
    if (const auto subnet = options.take<std::string>("subnet")) spec.subnet = read_subnet(*subnet);
    spec.dhcp = take_dhcp(options, spec.subnet);
    options.take_into("domain", spec.domain);
    options.take_into("autostart", spec.autostart);
    options.take_into("start", spec.start);
    options.refuse_unknown();
    if (!name) throw Error(Code::invalid_args, "name: required");
    spec.name = *name;
    return spec;
}

}  // namespace virtbus::bus
