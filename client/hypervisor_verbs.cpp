// SPDX-License-Identifier: LGPL-2.1-or-later
// hypervisor: what machines run on, and which; hypervisors: the list of them, for short. reconnect: try again now.
#include <fmt/format.h>

#include <chrono>
#include <map>
#include <memory>
#include <vector>

#include "hypervisor_text.h"
#include "program.h"
#include "signals.h"
#include "text.h"
#include "verbs.h"

namespace virtbusctl {

namespace {

std::map<std::string, std::uint64_t> machines_by_hypervisor(Bus& bus) {
    std::map<std::string, std::uint64_t> result;
    for (const auto& machine : bus.list_machines()) result[machine.hypervisor]++;
    return result;
}

Cell list_cell(const Json& hypervisor, const char* key) {
    const auto list = array_at(hypervisor, key);
    return {value_text(key, list), list};
}

std::vector<Cell> row(const Json& hypervisor, std::uint64_t machines) {
    const auto cell = [&](const char* key) { return text_cell(text_at(hypervisor, key)); };
    return {cell("Name"),
            cell("Type"),
            cell("Driver"),
            cell("ConnectionState"),
            cell("Version"),
            number_cell(machines),
            list_cell(hypervisor, "Accelerations"),
            cell("Uri"),
            cell("ConnectionError")};
}

bool list_hypervisors(Program& program) {
    Table table("hypervisors", {{"NAME", "name", Column::Fit::cut},
                                {"TYPE", "type"},
                                {"DRIVER", "driver"},
                                {"STATE", "state"},
                                {"VERSION", "version"},
                                {"MACHINES", "machines", Column::Fit::right},
                                {"ACCELERATION", "accelerations"},
                                {"URI", "uri", Column::Fit::cut},
                                {"ERROR", "error", Column::Fit::only_json}});
    auto machines = machines_by_hypervisor(program.bus());
    std::string errors;
    const auto all = program.hypervisor().empty() ? program.bus().hypervisors()
                                                  : std::vector{program.bus().find_hypervisor(program.hypervisor())};
    for (const auto& [path, hypervisor] : all) {
        const auto name = text_at(hypervisor, "Name");
        table.add(row(hypervisor, machines[name]));
        if (const auto error = text_at(hypervisor, "ConnectionError"); !error.empty())
            errors += fmt::format("{}: {}\n", printable(name), printable_lines(error, "  "));
    }
    table.print(program.output());
    if (!program.output().json && !errors.empty()) fmt::print("\n{}", errors);
    return true;
}

bool reconnect_hypervisors(Program& program, const std::vector<std::string>& names) {
    return program.attempt_each("reconnect", names, [&](const std::string& name) {
        const auto hypervisor = program.bus().find_hypervisor(name);
        Hypervisor(program.bus().connection(), hypervisor.path).Reconnect({});
    });
}

bool show_hypervisor(Program& program, const std::string& name) {
    return program.attempt("show " + printable(name), [&] {
        const auto hypervisor = program.bus().find_hypervisor(name.empty() ? program.hypervisor() : name);
        if (program.output().json) return print_json(hypervisor.properties);
        fmt::print("{}", hypervisor_text(hypervisor.properties));
    });
}

struct NewHypervisor {
    std::string name;
    std::string uri;
    bool no_wait = false;
};

/// Its properties once the first attempt to connect has ended, or when nobody waits any longer.
Json when_connected(Bus& bus, const std::string& path) {
    constexpr std::chrono::seconds patience{30};
    SignalWatch interrupts({SIGINT});
    const auto changes =
        bus.subscribe(fmt::format("type='signal',sender='{}',path='{}',member='PropertiesChanged'", service, path),
                      [](sdbus::Message&) {});
    const auto end = std::chrono::steady_clock::now() + patience;
    for (;;) {
        auto now = bus.properties(path, Hypervisor::INTERFACE_NAME);
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
        if (text_at(now, "ConnectionState") != "connecting" || left.count() <= 0) return now;
        if (bus.wait(left, interrupts.descriptor())) return now;
    }
}

bool add_hypervisor(Program& program, const NewHypervisor& request) {
    bool success = true;
    return program.attempt("add " + printable(request.name), [&] {
        const std::string path = program.bus().manager().AddHypervisor(request.name, request.uri, {});
        if (program.output().json)
            print_json({{"hypervisor", path}, {"name", request.name}});
        else
            fmt::print("{}\n", printable(request.name));
        if (request.no_wait) return;
        const auto now = when_connected(program.bus(), path);
        success = flag_at(now, "Connected");
        if (!success)
            fmt::print(stderr, "virtbusctl: {} is added, and {}\n", printable(request.name), connection_text(now));
    }) && success;
}

bool remove_hypervisors(Program& program, const std::vector<std::string>& names, bool force) {
    return program.attempt_each("remove", names, [&](const std::string& name) {
        Dictionary options;
        if (force) options["force"] = true;
        program.bus().manager().RemoveHypervisor(name, options);
    });
}

void add_add_verb(Program& program, CLI::App& family) {
    const auto request = std::make_shared<NewHypervisor>();
    auto* verb = program.add_nested_verb(family, "add", "serve another hypervisor, also after a restart", "",
                                         [&program, request] { return add_hypervisor(program, *request); });
    verb->add_option("NAME", request->name)->required();
    verb->add_option("URI", request->uri, "as libvirt has it, such as qemu+ssh://root@host/system")->required();
    verb->add_flag("--no-wait", request->no_wait, "do not wait until it is connected");
}

void add_remove_verb(Program& program, CLI::App& family) {
    const auto names = std::make_shared<std::vector<std::string>>();
    const auto force = std::make_shared<bool>(false);
    auto* verb =
        program.add_nested_verb(family, "remove", "serve hypervisors no longer that were added", "",
                                [&program, names, force] { return remove_hypervisors(program, *names, *force); });
    verb->add_option("HYPERVISOR", *names)->required();
    verb->add_flag("--force", *force, "also while jobs work there: they are cancelled");
}

void add_hypervisor_family(Program& program) {
    auto* family = program.add_family("Hypervisors", "hypervisor", "list, show, add and remove hypervisors");
    program.add_nested_verb(*family, "list", "list the hypervisors", "list the hypervisors",
                            [&program] { return list_hypervisors(program); });
    const auto name = std::make_shared<std::string>();
    auto* verb = program.add_nested_verb(*family, "show", "show all about a hypervisor", "",
                                         [&program, name] { return show_hypervisor(program, *name); });
    verb->add_option("HYPERVISOR", *name, "need not be said where there is only one");
    add_add_verb(program, *family);
    add_remove_verb(program, *family);
}

}  // namespace

void add_hypervisor_verbs(Program& program) {
    add_hypervisor_family(program);
    program.add_verb("Hypervisors", "hypervisors", "list the hypervisors", "list the hypervisors",
                     [&program] { return list_hypervisors(program); });
    const auto names = std::make_shared<std::vector<std::string>>();
    auto* verb = program.add_verb("Hypervisors", "reconnect", "connect to hypervisors now, if they are away", "",
                                  [&program, names] { return reconnect_hypervisors(program, *names); });
    verb->add_option("HYPERVISOR", *names)->required();
}

}  // namespace virtbusctl
