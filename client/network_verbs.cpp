// SPDX-License-Identifier: LGPL-2.1-or-later
// network: what machines are connected to.
#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "hypervisor_text.h"
#include "image_verbs.h"
#include "network_text.h"
#include "object_name.h"
#include "storage_choice.h"
#include "text.h"
#include "units.h"
#include "verbs.h"

namespace virtbusctl {

namespace {

std::vector<Bus::NetworkRow> networks_of(Program& program) {
    Dictionary filter;
    add_text(filter, "hypervisor", program.hypervisor());
    return program.bus().list_networks(filter);
}

/// Those of virtual machines first.
std::string find_path(Program& program, const std::string& name) {
    auto networks = networks_of(program);
    std::map<std::string, Json> hypervisors;
    for (auto& [path, properties] : program.bus().hypervisors()) hypervisors[short_name(path)] = properties;
    std::stable_partition(networks.begin(), networks.end(),
                          [&](const auto& row) { return has_virtual_machines(hypervisors[row.hypervisor]); });
    const auto uri = [&](const Bus::NetworkRow& row) { return text_at(hypervisors[row.hypervisor], "Uri"); };
    const auto uuid = [&](const Bus::NetworkRow& row) {
        return text_at(program.bus().properties(row.path, Network::INTERFACE_NAME), "Uuid");
    };
    return choose_network(networks, name, "",
                          [&](const auto& one, const auto& other) {
                              return same_libvirt(uri(one), uri(other)) && uuid(one) == uuid(other);
                          })
        .path;
}

Network find_network(Program& program, const std::string& name) {
    return {program.bus().connection(), find_path(program, name)};
}

bool list_networks(Program& program) {
    const auto networks = networks_of(program);
    Table table("networks", {{"NAME", "name", Column::Fit::cut},
                             hypervisor_column(networks),
                             {"FORWARD", "forward"},
                             {"ACTIVE", "active"},
                             {"AUTOSTART", "autostart"},
                             {"BRIDGE", "bridge"},
                             {"SUBNETS", "subnets"},
                             {"PATH", "path", Column::Fit::only_json}});
    for (const auto& network : networks)
        table.add({text_cell(network.name),
                   text_cell(network.hypervisor),
                   text_cell(network.forward),
                   flag_cell(network.active),
                   flag_cell(network.autostart),
                   text_cell(network.bridge),
                   {value_text("", network.subnets), network.subnets},
                   text_cell(network.path)});
    table.print(program.output());
    program.tell_away();
    return true;
}

bool show_network(Program& program, const std::string& name) {
    return program.attempt("show " + printable(name), [&] {
        const auto path = find_path(program, name);
        const auto network = program.bus().properties(path, Network::INTERFACE_NAME);
        if (program.output().json) return print_json(network);
        fmt::print("{}", network_text(network));
    });
}

bool list_leases(Program& program, const std::string& name) {
    return program.attempt("list the leases of " + printable(name), [&] {
        Table table("leases", {{"ADDRESS", "address"},
                               {"MAC", "mac"},
                               {"HOSTNAME", "hostname", Column::Fit::cut},
                               {"UNTIL", "expires_usec"},
                               {"PREFIX", "prefix", Column::Fit::only_json},
                               {"CLIENT ID", "client_id", Column::Fit::cut}});
        for (const auto& lease : find_network(program, name).GetLeases()) {
            const auto& [mac, address, prefix, hostname, expires, client_id] = std::tie(
                lease.get<0>(), lease.get<1>(), lease.get<2>(), lease.get<3>(), lease.get<4>(), lease.get<5>());
            table.add({text_cell(address),
                       text_cell(mac),
                       text_cell(hostname),
                       {expires == 0 ? "for ever" : time_text(expires), expires},
                       number_cell(prefix),
                       text_cell(client_id)});
        }
        table.print(program.output());
    });
}

struct NewNetwork {
    std::string name, forward, bridge, subnet, domain, dhcp_range;
    bool no_dhcp = false, autostart = false, start = false;
};

/// "192.168.150.100-192.168.150.199"
sdbus::Variant parse_range(const std::string& text) {
    const auto dash = text.find('-');
    if (dash == std::string::npos) throw UsageError("--dhcp-range: give it as FIRST-LAST");
    return sdbus::Struct<std::string, std::string>{text.substr(0, dash), text.substr(dash + 1)};
}

Dictionary spec_of(const NewNetwork& request) {
    Dictionary spec{{"name", request.name}, {"autostart", request.autostart}, {"start", request.start}};
    add_text(spec, "forward", request.forward);
    add_text(spec, "bridge", request.bridge);
    add_text(spec, "subnet", request.subnet);
    add_text(spec, "domain", request.domain);
    if (!request.dhcp_range.empty()) spec["dhcp_range"] = parse_range(request.dhcp_range);
    if (request.no_dhcp) spec["dhcp"] = false;
    return spec;
}

bool create_network(Program& program, const NewNetwork& request) {
    const auto spec = spec_of(request);
    return program.attempt("create " + printable(request.name), [&] {
        const auto hypervisor = program.bus().find_hypervisor(program.hypervisor(), is_home_of_networks);
        const std::string path = Hypervisor(program.bus().connection(), hypervisor.path).CreateNetwork(spec);
        if (program.output().json)
            print_json({{"network", path}, {"name", request.name}});
        else
            fmt::print("{}\n", printable(request.name));
    });
}

void add_network_create(Program& program, CLI::App& family) {
    const auto request = std::make_shared<NewNetwork>();
    auto* verb = program.add_nested_verb(family, "create", "make a network", "",
                                         [&program, request] { return create_network(program, *request); });
    verb->add_option("NAME", request->name)->required();
    verb->add_option("--subnet", request->subnet, "its IPv4 subnet, such as 192.168.150.0/24");
    verb->add_option("--forward", request->forward, "nat (default), route, isolated or bridge");
    verb->add_option("--bridge", request->bridge, "the host's bridge, or the name of the network's own");
    verb->add_option("--domain", request->domain, "the DNS domain of its machines");
    verb->add_option("--dhcp-range", request->dhcp_range, "what DHCP gives away: FIRST-LAST; all");
    verb->add_flag("--no-dhcp", request->no_dhcp, "give no addresses away");
    verb->add_flag("--autostart", request->autostart, "start it with libvirt");
    verb->add_flag("--start", request->start, "start it now");
}

struct NetworkRequest {
    std::vector<std::string> networks;
    bool force = false;
};

using NetworkCall = std::function<void(Network&, const NetworkRequest&)>;

/// `name`: the infinitive of what it does as well.
void add_network_verb(Program& program, CLI::App& family, const char* name, const char* description, NetworkCall call,
                      bool cuts_off) {
    const auto request = std::make_shared<NetworkRequest>();
    const auto run = [&program, request, name, call = std::move(call)] {
        return program.attempt_each(name, request->networks, [&](const std::string& each) {
            auto network = find_network(program, each);
            call(network, *request);
        });
    };
    auto* verb = program.add_nested_verb(family, name, description, "", run);
    verb->add_option("NETWORK", request->networks)->required();
    if (cuts_off) verb->add_flag("--force", request->force, "also while machines are running on it: they are cut off");
}

Dictionary force_of(const NetworkRequest& request) {
    return request.force ? Dictionary{{"force", true}} : Dictionary();
}

struct NetworkAutostart {
    std::string network, wanted;
};

void add_network_autostart(Program& program, CLI::App& family) {
    const auto request = std::make_shared<NetworkAutostart>();
    const auto run = [&program, request] {
        const bool wanted = parse_yes_no(request->wanted);
        return program.attempt("change the autostart of " + printable(request->network),
                               [&] { find_network(program, request->network).SetAutostart(wanted, {}); });
    };
    auto* verb =
        program.add_nested_verb(family, "autostart", "say whether a network starts with libvirt: yes or no", "", run);
    verb->add_option("NETWORK", request->network)->required();
    verb->add_option("YES_OR_NO", request->wanted)->required();
}

void add_network_looks(Program& program, CLI::App& family) {
    program.add_nested_verb(family, "list", "list the networks", "list the networks",
                            [&program] { return list_networks(program); });
    const auto name = std::make_shared<std::string>();
    auto* show = program.add_nested_verb(family, "show", "show all about a network", "",
                                         [&program, name] { return show_network(program, *name); });
    show->add_option("NETWORK", *name)->required();
    auto* leases = program.add_nested_verb(family, "leases", "list the addresses that it has given away", "",
                                           [&program, name] { return list_leases(program, *name); });
    leases->add_option("NETWORK", *name)->required();
}

}  // namespace

void add_network_verbs(Program& program) {
    auto* family = program.add_family("Networks", "network", "list, make, start, stop and delete networks");
    family->footer("A NETWORK is a name or an object path.");
    add_network_looks(program, *family);
    add_network_create(program, *family);
    add_network_verb(
        program, *family, "start", "start networks", [](Network& network, const NetworkRequest&) { network.Start({}); },
        false);
    add_network_verb(
        program, *family, "stop", "stop networks",
        [](Network& network, const NetworkRequest& request) { network.Stop(force_of(request)); }, true);
    add_network_autostart(program, *family);
    add_network_verb(
        program, *family, "delete", "remove networks; they are stopped first",
        [](Network& network, const NetworkRequest& request) { network.Delete(force_of(request)); }, true);
}

}  // namespace virtbusctl
