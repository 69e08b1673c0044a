// SPDX-License-Identifier: LGPL-2.1-or-later
// What is done to machines: each verb takes several, tries all of them, and waits for the jobs that come of it.
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "help.h"
#include "job_run.h"
#include "program.h"
#include "text.h"
#include "units.h"
#include "verbs.h"

namespace virtbusctl {

namespace {

/// Calls the daemon; the path of the job that it began, "/" for none.
using Call = std::function<std::string(Machine&)>;

struct MachineRequest {
    std::vector<std::string> machines;
    bool no_wait = false;
};

/// `doing`: the infinitive, for "cannot start web".
bool do_to_all(Program& program, const MachineRequest& request, const std::string& doing, const Call& call) {
    JobRun run(program, request.no_wait);
    const bool success = program.attempt_each(doing, request.machines, [&](const std::string& name) {
        auto machine = program.machine(program.find_machine(name));
        if (const auto job = call(machine); job != "/") run.began(job, printable(name));
    });
    return run.wait() && success;
}

struct Verb {
    const char* name;
    const char* description;
    const char* doing;
};

struct Added {
    CLI::App* app;
    std::shared_ptr<MachineRequest> request;
};

Added add(Program& program, const Verb& verb, Call call) {
    const auto request = std::make_shared<MachineRequest>();
    const std::string doing = verb.doing;
    auto* app = program.add_verb(
        "Act", verb.name, verb.description, "",
        [&program, request, doing, call = std::move(call)] { return do_to_all(program, *request, doing, call); });
    app->add_option("MACHINE", request->machines)->required();
    return {app, request};
}

/// A verb without options of its own, and without a job.
void add_plain(Program& program, const Verb& verb, void (*call)(Machine&)) {
    add(program, verb, [call](Machine& machine) {
        call(machine);
        return std::string("/");
    });
}

void add_no_wait(const Added& verb) { virtbusctl::add_no_wait(*verb.app, verb.request->no_wait); }

void add_start(Program& program) {
    const auto paused = std::make_shared<bool>(false);
    const auto discard = std::make_shared<bool>(false);
    const auto verb = add(program, {"start", "start machines; a saved one goes on where it was", "start"},
                          [paused, discard](Machine& machine) {
                              return machine.Start({{"paused", *paused}, {"discard_saved", *discard}});
                          });
    verb.app->add_flag("--paused", *paused, "leave them paused");
    verb.app->add_flag("--discard-saved", *discard, "boot afresh: the saved memory is lost");
    add_no_wait(verb);
}

struct ShutdownOptions {
    std::string timeout;
    std::string on_timeout;
    std::string mode;
};

Dictionary shutdown_dictionary(const ShutdownOptions& options) {
    Dictionary result;
    if (!options.timeout.empty())
        result["timeout_usec"] = static_cast<std::uint64_t>(parse_duration(options.timeout).count());
    if (!options.on_timeout.empty()) result["on_timeout"] = options.on_timeout;
    if (!options.mode.empty()) result["mode"] = options.mode;
    return result;
}

void add_shutdown(Program& program) {
    const auto options = std::make_shared<ShutdownOptions>();
    const auto verb =
        add(program, {"shutdown", "ask the guests to shut down, and wait until they are off", "shut down"},
            [options](Machine& machine) { return machine.Shutdown(shutdown_dictionary(*options)); });
    verb.app->add_option("--timeout", options->timeout, "how long to wait for the guest, default 5min")
        ->type_name("TIME");
    verb.app->add_option("--on-timeout", options->on_timeout, "then: fail (default), poweroff or leave");
    verb.app->add_option("--mode", options->mode, "how to ask: auto (default), acpi or agent");
    verb.app->footer(times_help);
    add_no_wait(verb);
}

void add_reboot(Program& program) {
    const auto mode = std::make_shared<std::string>("auto");
    const auto verb = add(program, {"reboot", "ask the guests to reboot", "reboot"}, [mode](Machine& machine) {
        machine.Reboot({{"mode", *mode}});
        return "/";
    });
    verb.app->add_option("--mode", *mode, "how to ask: auto (default), acpi or agent");
}

void add_poweroff(Program& program) {
    const auto graceful = std::make_shared<bool>(false);
    const auto verb = add(program, {"poweroff", "end machines at once; guests may lose data", "power off"},
                          [graceful](Machine& machine) {
                              machine.PowerOff({{"graceful", *graceful}});
                              return "/";
                          });
    verb.app->add_flag("--graceful", *graceful, "only if the emulator ends by itself when asked");
}

void add_delete(Program& program) {
    const auto force = std::make_shared<bool>(false);
    const auto verb = add(program, {"delete", "remove the definitions of machines; their disks stay", "delete"},
                          [force](Machine& machine) {
                              machine.Delete({{"force", *force}});
                              return "/";
                          });
    verb.app->add_flag("--force", *force, "also what runs, is saved or has snapshots, which are lost");
}

void add_rename(Program& program) {
    const auto names = std::make_shared<std::pair<std::string, std::string>>();
    auto* verb = program.add_verb("Act", "rename", "give a machine another name", "", [&program, names] {
        return program.attempt("rename " + printable(names->first),
                               [&] { program.machine(program.find_machine(names->first)).Rename(names->second, {}); });
    });
    verb->add_option("MACHINE", names->first)->required();
    verb->add_option("NAME", names->second)->required();
}

}  // namespace

void add_machine_verbs(Program& program) {
    add_start(program);
    add_shutdown(program);
    add_reboot(program);
    add_plain(program, {"pause", "stop the CPUs; memory and devices stay", "pause"}, [](Machine& m) { m.Pause({}); });
    add_plain(program, {"resume", "let paused machines run on", "resume"}, [](Machine& m) { m.Resume({}); });
    add_no_wait(add(program, {"save", "write the memory of machines to disk and stop them", "save"},
                    [](Machine& machine) { return machine.Save({}); }));
    add_plain(program, {"reset", "like the reset button", "reset"}, [](Machine& m) { m.Reset({}); });
    add_poweroff(program);
    add_rename(program);
    add_delete(program);
}

}  // namespace virtbusctl
