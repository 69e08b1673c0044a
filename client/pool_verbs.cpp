// SPDX-License-Identifier: LGPL-2.1-or-later
// pool: the places where images are kept.
#include <fmt/format.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "hypervisor_text.h"
#include "image_verbs.h"
#include "storage_text.h"
#include "text.h"
#include "units.h"
#include "verbs.h"

namespace virtbusctl {

namespace {

bool list(Program& program) {
    Dictionary filter;
    add_text(filter, "hypervisor", program.hypervisor());
    const auto pools = program.bus().list_pools(filter);
    Table table("pools", {{"NAME", "name", Column::Fit::cut},
                          hypervisor_column(pools),
                          {"TYPE", "type"},
                          {"STATE", "state"},
                          {"CAPACITY", "capacity", Column::Fit::right},
                          {"AVAILABLE", "available", Column::Fit::right},
                          {"IMAGES", "images", Column::Fit::right},
                          {"PATH", "path", Column::Fit::only_json}});
    for (const auto& pool : pools)
        table.add({text_cell(pool.name), text_cell(pool.hypervisor), text_cell(pool.type), text_cell(pool.state),
                   size_cell(pool.capacity), size_cell(pool.available), number_cell(pool.images),
                   text_cell(pool.path)});
    table.print(program.output());
    program.tell_away();
    return true;
}

bool show(Program& program, const std::string& name) {
    return program.attempt("show " + printable(name), [&] {
        const auto path = Storage(program).pool(name).path;
        const auto pool = program.bus().properties(path, Pool::INTERFACE_NAME);
        if (program.output().json) return print_json(pool);
        fmt::print("{}", pool_text(pool));
    });
}

struct NewPool {
    std::string name;
    std::string path;
    bool no_autostart = false;
};

bool create(Program& program, const NewPool& request) {
    return program.attempt("create " + printable(request.name), [&] {
        const std::string directory = std::filesystem::absolute(request.path).lexically_normal();
        Dictionary options;
        if (request.no_autostart) options["autostart"] = false;
        const auto hypervisor = program.bus().find_hypervisor(program.hypervisor(), serves_pools);
        const std::string path =
            Hypervisor(program.bus().connection(), hypervisor.path).CreatePool(request.name, directory, options);
        if (program.output().json)
            print_json({{"pool", path}, {"name", request.name}});
        else
            fmt::print("{}\n", printable(request.name));
    });
}

struct PoolRequest {
    std::vector<std::string> pools;
    bool no_wait = false;
};

/// Calls the daemon; the path of the job that it began, "/" for none.
using PoolCall = std::function<std::string(Pool&)>;

bool do_to_all(Program& program, const PoolRequest& request, const std::string& doing, const PoolCall& call) {
    JobRun run(program, request.no_wait);
    Storage storage(program);
    const bool success = program.attempt_each(doing, request.pools, [&](const std::string& name) {
        const auto& row = storage.pool(name);
        Pool pool(program.bus().connection(), row.path);
        const auto job = call(pool);
        if (job != "/") run.began(job, printable(row.name));
    });
    return run.wait() && success;
}

struct AddedPoolVerb {
    CLI::App* app;
    std::shared_ptr<PoolRequest> request;
};

/// `name`: the infinitive of what it does as well.
AddedPoolVerb add(Program& program, CLI::App& family, const char* name, const char* description, PoolCall call) {
    const auto request = std::make_shared<PoolRequest>();
    const auto run = [&program, request, name, call = std::move(call)] {
        return do_to_all(program, *request, name, call);
    };
    auto* app = program.add_nested_verb(family, name, description, "", run);
    app->add_option("POOL", request->pools)->required();
    return {app, request};
}

/// Without a job.
PoolCall plain(void (*call)(Pool&)) {
    return [call](Pool& pool) {
        call(pool);
        return std::string("/");
    };
}

void add_look_verbs(Program& program, CLI::App& family) {
    program.add_nested_verb(family, "list", "list the pools", "list the pools", [&program] { return list(program); });
    const auto name = std::make_shared<std::string>();
    auto* show_verb = program.add_nested_verb(family, "show", "show all about a pool", "",
                                              [&program, name] { return show(program, *name); });
    show_verb->add_option("POOL", *name)->required();
}

void add_create(Program& program, CLI::App& family) {
    const auto request = std::make_shared<NewPool>();
    auto* verb = program.add_nested_verb(family, "create", "make a pool of a directory, and start it", "",
                                         [&program, request] { return create(program, *request); });
    verb->add_option("NAME", request->name)->required();
    verb->add_option("PATH", request->path)->required();
    verb->add_flag("--no-autostart", request->no_autostart, "do not start it with libvirt");
}

struct Autostart {
    std::string pool;
    std::string wanted;
};

bool set_autostart(Program& program, const Autostart& request) {
    const bool wanted = parse_yes_no(request.wanted);
    return program.attempt("change the autostart of " + printable(request.pool), [&] {
        const auto path = Storage(program).pool(request.pool).path;
        Pool(program.bus().connection(), path).SetAutostart(wanted, {});
    });
}

void add_autostart(Program& program, CLI::App& family) {
    const auto request = std::make_shared<Autostart>();
    auto* verb = program.add_nested_verb(family, "autostart", "say whether a pool starts with libvirt: yes or no", "",
                                         [&program, request] { return set_autostart(program, *request); });
    verb->add_option("POOL", request->pool)->required();
    verb->add_option("YES_OR_NO", request->wanted)->required();
}

}  // namespace

void add_pool_verbs(Program& program) {
    auto* family = program.add_family("Storage", "pool", "list, make, start, stop and delete storage pools");
    family->footer(pool_help);
    add_look_verbs(program, *family);
    add_create(program, *family);
    add(program, *family, "start", "make the images of pools available", plain([](Pool& pool) { pool.Start({}); }));
    add(program, *family, "stop", "show the images of pools no more; they stay",
        plain([](Pool& pool) { pool.Stop({}); }));
    const auto refresh = add(program, *family, "refresh", "look again at what pools have",
                             [](Pool& pool) { return std::string(pool.Refresh({})); });
    add_no_wait(*refresh.app, refresh.request->no_wait);
    add_autostart(program, *family);
    add(program, *family, "delete", "remove pools; the images in them stay where they are",
        plain([](Pool& pool) { pool.Delete({}); }));
}

}  // namespace virtbusctl
