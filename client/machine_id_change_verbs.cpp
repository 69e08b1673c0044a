// SPDX-License-Identifier: LGPL-2.1-or-later
// machine-id refresh, assign, regenerate, seal: what is done to the machine-ids of guests. Those that need nothing else
// take several machines, try all of them, and wait for the jobs that come of it.
#include <fmt/format.h>

#include <memory>
#include <string>
#include <vector>

#include "image_verbs.h"
#include "machine_id_verbs.h"
#include "progress.h"
#include "text.h"

namespace virtbusctl {

namespace {

struct IdRequest {
    std::vector<std::string> machines;
    std::string id;
    bool host = false;
    bool flag = false;  // --duplicate, --uninitialized or --yes
    bool no_wait = false;
};

/// Calls the daemon; the path of the job that it began.
using IdCall = std::string (*)(MachineId&, const IdRequest&);

struct IdVerb {
    const char* name;
    const char* description;
    const char* kind;  // of the job
    IdCall call;
};

/// What it is now: to see that is why somebody looks, and the proof of a change.
bool print_identity(Program& program, const std::string& path, const std::string& name, const Json& job) {
    const bool wants_reboot = flag_at(job.value("Result", Json::object()), "reboot-required");
    const auto identity = program.bus().properties(path, MachineId::INTERFACE_NAME);
    if (program.output().json) {
        Json line = {{"machine", path}, {"RebootRequired", wants_reboot}};
        line.update(identity);
        fmt::print("{}\n", json_line(line));
    } else {
        const bool is_alone = array_at(identity, "Duplicates").empty();
        fmt::print("{}: {}{}\n", name, identity_line(identity, is_alone ? Labels() : all_labels(program)),
                   wants_reboot ? "; reboot it, as what runs in it has the old one until then" : "");
    }
    return true;
}

bool do_to_ids(Program& program, const IdRequest& request, const IdVerb& verb) {
    JobRun run(program, request.no_wait);
    const auto infinitive = job_words(verb.kind).infinitive;
    const bool success = program.attempt_each(infinitive, request.machines, [&](const std::string& machine) {
        const auto name = printable(machine);
        const auto path = program.find_machine(machine);
        MachineId id(program.bus().connection(), path);
        const auto outcome = [&program, path, name](const Json& job) {
            return print_identity(program, path, name, job);
        };
        run.began(verb.call(id, request), name, outcome);
    });
    return run.wait() && success;
}

std::string refresh_id(MachineId& id, const IdRequest&) { return id.Refresh({}); }

std::string assign_id(MachineId& id, const IdRequest& request) {
    Dictionary options;
    if (request.flag) options["duplicate"] = true;
    return id.Assign(request.id, options);
}

std::string regenerate_id(MachineId& id, const IdRequest&) { return id.Regenerate({}); }

std::string seal_id(MachineId& id, const IdRequest& request) {
    Dictionary options;
    if (request.flag) options["uninitialized"] = true;
    return id.Seal(options);
}

struct AddedIdVerb {
    CLI::App* app;
    std::shared_ptr<IdRequest> request;
};

AddedIdVerb add_bare_id_verb(Program& program, CLI::App& family, const IdVerb& verb) {
    const auto request = std::make_shared<IdRequest>();
    auto* app = program.add_nested_verb(family, verb.name, verb.description, "",
                                        [&program, request, verb] { return do_to_ids(program, *request, verb); });
    add_no_wait(*app, request->no_wait);
    return {app, request};
}

AddedIdVerb add_id_verb(Program& program, CLI::App& family, const IdVerb& verb) {
    auto added = add_bare_id_verb(program, family, verb);
    added.app->add_option("MACHINE", added.request->machines)->required();
    return added;
}

void add_assign(Program& program, CLI::App& family) {
    const auto added = add_bare_id_verb(
        program, family, {"assign", "give the guest of a machine this machine-id", "machine-id-assign", assign_id});
    added.request->machines.resize(1);
    added.app->add_option("MACHINE", added.request->machines.front())->required();
    added.app->add_option("ID", added.request->id)->required();
    added.app->add_flag("--duplicate", added.request->flag, "also one that another machine has");
}

void add_regenerate(Program& program, CLI::App& family) {
    const auto request = std::make_shared<IdRequest>();
    const IdVerb verb = {"regenerate", "give guests, or this host, new random machine-ids", "machine-id-regenerate",
                         regenerate_id};
    auto* app = program.add_nested_verb(family, verb.name, verb.description, "", [&program, request, verb] {
        require_machines_or_host(request->machines, request->host);
        return request->host ? regenerate_host(program, request->flag) : do_to_ids(program, *request, verb);
    });
    app->add_option("MACHINE", request->machines);
    app->add_flag("--host", request->host, "this host, after telling what that would break; reboot it then");
    app->add_flag("-y,--yes", request->flag, "with --host: do not ask");
    add_no_wait(*app, request->no_wait);
}

}  // namespace

void add_machine_id_change_verbs(Program& program, CLI::App& family) {
    add_id_verb(program, family,
                {"refresh", "look on the disks of machines, or ask the guest agents of those that run",
                 "machine-id-refresh", refresh_id});
    add_assign(program, family);
    add_regenerate(program, family);
    const auto seal = add_id_verb(
        program, family,
        {"seal", "make templates: each copy makes a machine-id at its first boot", "machine-id-seal", seal_id});
    seal.app->add_flag("--uninitialized", seal.request->flag,
                       "systemd takes the next boot for the first, and applies presets");
}

}  // namespace virtbusctl
