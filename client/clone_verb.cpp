// SPDX-License-Identifier: LGPL-2.1-or-later
// clone: a copy of a machine and of its disks, with a machine-id of its own.
#include <fmt/format.h>

#include <memory>
#include <string>

#include "image_verbs.h"
#include "machine_id_text.h"
#include "text.h"
#include "verbs.h"

namespace virtbusctl {

namespace {

struct CloneRequest {
    std::string source;
    std::string name;
    std::string machine_id, pool, hostname;
    bool linked = false;
    bool no_wait = false;
};

Dictionary clone_options(Program& program, const std::string& source, const CloneRequest& request) {
    Dictionary options;
    add_text(options, "machine-id", request.machine_id);
    add_text(options, "hostname", request.hostname);
    if (request.linked) options["linked"] = true;
    if (!request.pool.empty()) {
        const auto machine = program.bus().properties(source, Machine::INTERFACE_NAME);
        const auto hypervisor = short_name(text_at(machine, "Hypervisor"));
        options["pool"] = Storage(program).pool(request.pool, hypervisor).name;
    }
    return options;
}

bool print_clone(const Program& program, const CloneRequest& request, const Json& job) {
    const auto result = job.value("Result", Json::object());
    const auto fingerprint = text_at(result, "fingerprint");
    if (program.output().json)
        print_json({{"machine", text_at(result, "machine")}, {"name", request.name}, {"fingerprint", fingerprint}});
    else
        fmt::print("{}\n", clone_text(request.name, request.machine_id, fingerprint));
    return true;
}

bool clone_machine(Program& program, const CloneRequest& request) {
    JobRun run(program, request.no_wait);
    const bool begun = program.attempt("clone " + printable(request.source), [&] {
        const auto source = program.find_machine(request.source);
        const auto job = program.machine(source).Clone(request.name, clone_options(program, source, request));
        run.began(job, printable(request.source),
                  [&](const Json& ended) { return print_clone(program, request, ended); });
    });
    return begun && run.wait();
}

}  // namespace

void add_clone_verb(Program& program) {
    const auto request = std::make_shared<CloneRequest>();
    auto* verb = program.add_verb("Define", "clone", "copy a machine that is off; the copy gets its own machine-id", "",
                                  [&program, request] { return clone_machine(program, *request); });
    verb->add_option("MACHINE", request->source)->required();
    verb->add_option("NAME", request->name)->required();
    verb->add_flag("--linked", request->linked, "copy no disks: the new ones are based on these");
    add_pool(*verb, request->pool, "for its images; default where those of the machine are");
    verb->add_option("--machine-id", request->machine_id, "regenerate (default), seal, keep, or 32 digits")
        ->type_name("ID");
    verb->add_option("--hostname", request->hostname, "what the guest calls itself")->type_name("NAME");
    add_no_wait(*verb, request->no_wait);
    verb->footer(
        "--machine-id regenerate gives the copy a new random one; seal none, it makes one at its first boot; keep the\n"
        "same, for disks that hold no Linux. A machine cannot start as long as linked copies of it exist.");
}

}  // namespace virtbusctl
