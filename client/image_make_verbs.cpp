// SPDX-License-Identifier: LGPL-2.1-or-later
// image create and image clone: new images, empty ones and such that have the content of another.
#include <fmt/format.h>

#include <memory>
#include <string>

#include "help.h"
#include "image_verbs.h"
#include "storage_choice.h"
#include "text.h"
#include "units.h"

namespace virtbusctl {

namespace {

struct MakingRequest {
    std::string name;
    std::string source;  // of a clone
    std::string size, format, preallocation, backing, pool;
    bool linked = false;
    bool no_wait = false;
};

std::uint64_t size_of_new(const MakingRequest& request) {
    if (!request.size.empty()) return parse_size(request.size);
    if (request.backing.empty()) throw UsageError("--size is missing: only an image with --backing has a size without");
    return 0;
}

bool create(Program& program, const MakingRequest& request) {
    const auto size = size_of_new(request);
    JobRun run(program, request.no_wait);
    const bool begun = program.attempt("create " + printable(request.name), [&] {
        Storage storage(program);
        const auto made = new_image(request.name, request.pool);
        const auto place = storage.place(made.pool);
        Dictionary options;
        add_text(options, "format", request.format);
        add_text(options, "preallocation", request.preallocation);
        if (!request.backing.empty())
            options["backing"] = sdbus::ObjectPath(storage.image(request.backing, place.hypervisor).path);
        const auto job = Pool(program.bus().connection(), place.pool).CreateImage(made.name, size, options);
        run.began(job, printable(request.name), [&](const Json& ended) { return print_new_image(program, ended); });
    });
    return begun && run.wait();
}

bool clone(Program& program, const MakingRequest& request) {
    JobRun run(program, request.no_wait);
    const bool begun = program.attempt("clone " + printable(request.source), [&] {
        Storage storage(program);
        const auto& source = storage.image(request.source);
        Dictionary options;
        add_text(options, "format", request.format);
        add_text(options, "preallocation", request.preallocation);
        if (request.linked) options["linked"] = true;
        const auto made = new_image(request.name, request.pool);
        if (!made.pool.empty()) options["pool"] = sdbus::ObjectPath(storage.pool(made.pool, source.hypervisor).path);
        const auto job = Image(program.bus().connection(), source.path).Clone(made.name, options);
        run.began(job, printable(source.pool + "/" + source.name),
                  [&](const Json& ended) { return print_new_image(program, ended); });
    });
    return begun && run.wait();
}

void add_create(Program& program, CLI::App& family) {
    const auto request = std::make_shared<MakingRequest>();
    auto* verb = program.add_nested_verb(family, "create", "make an empty image and print its name", "",
                                         [&program, request] { return create(program, *request); });
    verb->add_option("NAME", request->name)->required();
    verb->add_option("--size", request->size, "how large guests see it; default that of --backing")->type_name("SIZE");
    verb->add_option("--format", request->format, "qcow2 (default) or raw");
    add_preallocation(*verb, request->preallocation);
    verb->add_option("--backing", request->backing, "take from this image what is not written")->type_name("IMAGE");
    add_pool(*verb, request->pool, "where, as POOL/NAME says it too; default the pool \"default\"");
    add_no_wait(*verb, request->no_wait);
    verb->footer(std::string(image_help) + "\n" + sizes_help);
}

void add_clone(Program& program, CLI::App& family) {
    const auto request = std::make_shared<MakingRequest>();
    auto* verb = program.add_nested_verb(family, "clone", "make a copy of an image and print its name", "",
                                         [&program, request] { return clone(program, *request); });
    verb->add_option("IMAGE", request->source)->required();
    verb->add_option("NAME", request->name)->required();
    verb->add_flag("--linked", request->linked, "copy nothing: the new image is based on this one");
    verb->add_option("--format", request->format, "qcow2 or raw; default that of the image");
    add_preallocation(*verb, request->preallocation);
    add_pool(*verb, request->pool, "where, as POOL/NAME says it too; default the pool of the image");
    add_no_wait(*verb, request->no_wait);
}

}  // namespace

void add_image_make_verbs(Program& program, CLI::App& family) {
    add_create(program, family);
    add_clone(program, family);
}

}  // namespace virtbusctl
