// SPDX-License-Identifier: LGPL-2.1-or-later
// machine-id get, ensure, link-dbus, and regenerate --host: the machine-id of the host that virtbus runs on.
#include <fmt/format.h>

#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "confirm.h"
#include "machine_id_verbs.h"

namespace virtbusctl {

namespace {

using Consequences = std::vector<std::pair<std::string, std::string>>;

bool get_id(Program& program, const std::string& file) {
    const auto id = HostMachineId(program.bus().connection()).Get(file);
    if (program.output().json)
        print_json({{"id", id}});
    else
        fmt::print("{}\n", id);
    return true;
}

bool ensure_id(Program& program, const std::string& file) {
    const auto [created, id] = HostMachineId(program.bus().connection()).Ensure(file, {});
    if (program.output().json)
        print_json({{"id", id}, {"created", created}});
    else
        fmt::print("{}{}\n", created ? "created " : "", id);
    return true;
}

bool link_dbus(Program& program) {
    const bool changed = HostMachineId(program.bus().connection()).LinkDbus({});
    if (program.output().json)
        print_json({{"changed", changed}});
    else
        fmt::print("/var/lib/dbus/machine-id is {} link to /etc/machine-id\n", changed ? "now a" : "already a");
    return true;
}

/// The token, and what the person has to know before it is used.
std::pair<std::string, Consequences> prepare(HostMachineId& host) {
    const auto [token, found, expires] = host.PrepareRegenerate({});
    Consequences consequences;
    for (const auto& consequence : found) consequences.emplace_back(consequence.get<0>(), consequence.get<1>());
    return {token, std::move(consequences)};
}

std::string new_host_id(HostMachineId& host, const std::string& token) {
    try {
        return host.Regenerate(token, {});
    } catch (const sdbus::Error& error) {
        if (error.getName() != "org.virtbus1.Error.StaleGeneration") throw;
        throw Failure("the answer took over two minutes, or something has changed since: nothing was done, try again");
    }
}

void print_new_host_id(const Program& program, const std::string& id, const Consequences& consequences) {
    if (!program.output().json) {
        fmt::print("{}\n", id);
        fmt::print(stderr, "Reboot this host: programs that run keep the old machine-id.\n");
        return;
    }
    Json words = Json::array();
    for (const auto& consequence : consequences) words.push_back(consequence.first);
    print_json({{"id", id}, {"consequences", words}, {"reboot_required", true}});
}

void add_file(CLI::App& verb, std::string& file) {
    verb.add_option("--file", file, "etc or dbus; default dbus, and etc where that has none")->type_name("WORD");
}

}  // namespace

bool regenerate_host(Program& program, bool yes) {
    bool is_sure = false;
    const bool undisturbed = program.attempt("regenerate the machine-id of this host", [&] {
        HostMachineId host(program.bus().connection());
        const auto [token, consequences] = prepare(host);
        fmt::print(stderr, "{}", consequences_text(consequences));
        is_sure = yes || confirm("Give this host another machine-id?");
        if (is_sure) print_new_host_id(program, new_host_id(host, token), consequences);
    });
    return undisturbed && is_sure;
}

void add_machine_id_host_verbs(Program& program, CLI::App& family) {
    const auto file = std::make_shared<std::string>();
    auto* get =
        program.add_nested_verb(family, "get", "print the machine-id of this host, as dbus-uuidgen --get",
                                "get the machine-id of this host", [&program, file] { return get_id(program, *file); });
    add_file(*get, *file);
    auto* ensure = program.add_nested_verb(
        family, "ensure", "make that of this host if it is missing, as dbus-uuidgen --ensure, and print it",
        "ensure the machine-id of this host", [&program, file] { return ensure_id(program, *file); });
    add_file(*ensure, *file);
    program.add_nested_verb(family, "link-dbus", "make D-Bus's file of this host a link to systemd's",
                            "link /var/lib/dbus/machine-id", [&program] { return link_dbus(program); });
}

}  // namespace virtbusctl
