// SPDX-License-Identifier: LGPL-2.1-or-later
// list: the machines.
#include <memory>

#include "program.h"
#include "verbs.h"

namespace virtbusctl {

namespace {

struct Filter {
    std::string state;
    std::string kind;
    std::string tag;
};

Dictionary filter_options(const Program& program, const Filter& filter) {
    Dictionary options;
    const auto add = [&options](const char* key, const std::string& value) {
        if (!value.empty()) options[key] = value;
    };
    add("hypervisor", program.hypervisor());
    add("state", filter.state);
    add("kind", filter.kind);
    add("tag", filter.tag);
    return options;
}

bool list(Program& program, const Filter& filter) {
    Table table("machines", {{"NAME", "name", Column::Fit::cut},
                             {"STATE", "state"},
                             {"KIND", "kind"},
                             {"VIRTUALIZATION", "virtualization"},
                             {"VCPUS", "vcpus", Column::Fit::right},
                             {"MEMORY", "memory", Column::Fit::right},
                             {"HYPERVISOR", "hypervisor", Column::Fit::cut},
                             {"UUID", "uuid", Column::Fit::only_json}});
    for (const auto& machine : program.bus().list_machines(filter_options(program, filter)))
        table.add({text_cell(machine.name), text_cell(machine.state), text_cell(machine.kind),
                   text_cell(machine.virtualization), number_cell(machine.vcpus), size_cell(machine.memory),
                   text_cell(machine.hypervisor), text_cell(machine.uuid)});
    table.print(program.output());
    program.tell_away();
    return true;
}

}  // namespace

void add_list_verb(Program& program) {
    const auto filter = std::make_shared<Filter>();
    auto* verb = program.add_verb("Look", "list", "list the machines", "list the machines",
                                  [&program, filter] { return list(program, *filter); });
    verb->add_option("--state", filter->state, "only those in this state, such as running or shut-off");
    verb->add_option("--kind", filter->kind, "only those of this kind: vm or container");
    verb->add_option("--tag", filter->tag, "only those that carry this tag");
}

}  // namespace virtbusctl
