// SPDX-License-Identifier: LGPL-2.1-or-later
// machine-id show, find, audit: which machine-ids there are, and which are the same.
#include <fmt/format.h>

#include <functional>
#include <memory>
#include <set>
#include <string>

#include "image_verbs.h"
#include "machine_id_verbs.h"
#include "text.h"
#include "units.h"

namespace virtbusctl {

namespace {

struct ShownSubject {
    std::string machine;
    bool host = false;
    bool with_id = false;
};

using Chosen = std::function<bool(const std::string& path)>;

/// This host and the machines, as far as they are chosen and --hypervisor allows.
std::vector<IdentityView> identities(Program& program, const std::vector<Bus::MachineRow>& machines,
                                     const Chosen& chosen) {
    auto known = program.bus().all_properties(MachineId::INTERFACE_NAME);
    std::vector<IdentityView> views;
    if (program.hypervisor().empty() && chosen(host_id_path))
        views.push_back({host_id_path, host_name, "", known[host_id_path]});
    for (const auto& machine : machines)
        if (chosen(machine.path))
            views.push_back({machine.path, machine.name, machine.hypervisor, known[machine.path]});
    return views;
}

/// Whether there were any.
bool print_identities(Program& program, const char* things, const Chosen& chosen) {
    const auto all = program.bus().list_machines();
    const auto& hypervisor = program.hypervisor();
    const auto machines = hypervisor.empty() ? all : program.bus().list_machines({{"hypervisor", hypervisor}});
    const auto labels = machine_labels(all);
    Table table(things, identity_columns(hypervisor_column(machines)));
    const auto now = now_usec();
    const auto views = identities(program, machines, chosen);
    for (const auto& view : views) table.add(identity_row(view, labels, now));
    table.print(program.output());
    return !views.empty();
}

IdentityView view_of(Program& program, const ShownSubject& subject) {
    auto& bus = program.bus();
    const auto path = subject.host ? host_id_path : program.find_machine(subject.machine);
    IdentityView view{path, host_name, "", bus.properties(path, MachineId::INTERFACE_NAME)};
    if (subject.host) {
        view.identity.update(bus.properties(path, HostMachineId::INTERFACE_NAME));
    } else {
        const auto machine = bus.properties(path, Machine::INTERFACE_NAME);
        view.name = text_at(machine, "Name");
        view.hypervisor = short_name(text_at(machine, "Hypervisor"));
    }
    if (subject.with_id) view.identity["Id"] = MachineId(bus.connection(), path).GetId();
    return view;
}

bool show_one(Program& program, const ShownSubject& subject) {
    const auto name = subject.host ? host_name : printable(subject.machine);
    return program.attempt("show the machine-id of " + name, [&] {
        const auto view = view_of(program, subject);
        if (program.output().json) return print_json(view.identity);
        fmt::print("{}", identity_text(view, all_labels(program), now_usec()));
    });
}

bool show_identity(Program& program, const ShownSubject& subject) {
    if (!subject.machine.empty() && subject.host) require_machines_or_host({subject.machine}, subject.host);
    if (!subject.machine.empty() || subject.host) return show_one(program, subject);
    if (subject.with_id) throw UsageError("--id is for one: say which MACHINE is meant, or --host");
    return program.attempt("show the machine-ids",
                           [&] { print_identities(program, "machine-ids", [](const std::string&) { return true; }); });
}

bool find_id(Program& program, const std::string& id) {
    const auto found = program.bus().manager().FindByMachineId(id);
    const std::set<std::string> paths(found.begin(), found.end());
    return print_identities(program, "machines known with this machine-id",
                            [&](const std::string& path) { return paths.count(path) > 0; });
}

/// Prints it; duplicates are a failure.
bool print_audit(Program& program, const Json& job) {
    const auto result = job.value("Result", Json::object());
    const auto groups = array_at(result, "groups");
    if (program.output().json) {
        print_json(audit_json(result));
        return groups.empty();
    }
    const auto labels = all_labels(program);
    Table table("machines with the same machine-id", group_columns());
    for (const auto& group : groups) table.add(group_row(group, labels));
    table.print(program.output());
    if (const auto unread = unread_text(array_at(result, "unread"), labels); !unread.empty())
        fmt::print("\n{}", unread);
    return groups.empty();
}

bool audit(Program& program, bool no_wait) {
    if (!program.hypervisor().empty())
        throw UsageError("the machines of all hypervisors are audited: -H cannot choose");
    JobRun run(program, no_wait);
    const bool begun = program.attempt("audit machine-ids", [&] {
        const auto job = program.bus().manager().AuditMachineIds({});
        run.began(job, host_name, [&](const Json& ended) { return print_audit(program, ended); });
    });
    return begun && run.wait();
}

void add_show(Program& program, CLI::App& family) {
    const auto subject = std::make_shared<ShownSubject>();
    auto* verb = program.add_nested_verb(family, "show", "list the machine-ids, or show all about one", "",
                                         [&program, subject] { return show_identity(program, *subject); });
    verb->add_option("MACHINE", subject->machine);
    verb->add_flag("--host", subject->host, "show that of this host");
    verb->add_flag("--id", subject->with_id, "the id itself too");
}

void add_find(Program& program, CLI::App& family) {
    const auto id = std::make_shared<std::string>();
    auto* verb = program.add_nested_verb(family, "find", "list who has a machine-id; exit code 1 if nobody has",
                                         "find the machine-id", [&program, id] { return find_id(program, *id); });
    verb->add_option("ID", *id)->required();
}

void add_audit(Program& program, CLI::App& family) {
    const auto no_wait = std::make_shared<bool>(false);
    auto* verb =
        program.add_nested_verb(family, "audit", "look which machines have the same machine-id; exit code 1 if some do",
                                "", [&program, no_wait] { return audit(program, *no_wait); });
    add_no_wait(*verb, *no_wait);
}

}  // namespace

void add_machine_id_look_verbs(Program& program, CLI::App& family) {
    add_show(program, family);
    add_find(program, family);
    add_audit(program, family);
}

}  // namespace virtbusctl
