// SPDX-License-Identifier: LGPL-2.1-or-later
// hypervisors: what machines run on. reconnect: try again now.
#include <fmt/format.h>

#include <map>
#include <memory>

#include "program.h"
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
            cell("Uri")};
}

bool list(Program& program) {
    Table table("hypervisors", {{"NAME", "name", Column::Fit::cut},
                                {"TYPE", "type"},
                                {"DRIVER", "driver"},
                                {"STATE", "state"},
                                {"VERSION", "version"},
                                {"MACHINES", "machines", Column::Fit::right},
                                {"ACCELERATION", "accelerations"},
                                {"URI", "uri", Column::Fit::cut}});
    auto machines = machines_by_hypervisor(program.bus());
    std::string errors;
    for (const auto& [path, hypervisor] : program.bus().hypervisors()) {
        const auto name = text_at(hypervisor, "Name");
        if (!program.hypervisor().empty() && name != program.hypervisor()) continue;
        table.add(row(hypervisor, machines[name]));
        if (const auto error = text_at(hypervisor, "ConnectionError"); !error.empty())
            errors += fmt::format("{}: {}\n", printable(name), printable_lines(error, "  "));
    }
    table.print(program.output());
    if (!program.output().json && !errors.empty()) fmt::print("\n{}", errors);
    return true;
}

bool reconnect(Program& program, const std::vector<std::string>& names) {
    return program.attempt_each("reconnect", names, [&](const std::string& name) {
        const auto hypervisor = program.bus().find_hypervisor(name);
        Hypervisor(program.bus().connection(), hypervisor.path).Reconnect({});
    });
}

}  // namespace

void add_hypervisor_verbs(Program& program) {
    program.add_verb("Hypervisors", "hypervisors", "list the hypervisors", "list the hypervisors",
                     [&program] { return list(program); });
    const auto names = std::make_shared<std::vector<std::string>>();
    auto* verb = program.add_verb("Hypervisors", "reconnect", "connect to hypervisors now, if they are away", "",
                                  [&program, names] { return reconnect(program, *names); });
    verb->add_option("HYPERVISOR", *names)->required();
}

}  // namespace virtbusctl
