// SPDX-License-Identifier: LGPL-2.1-or-later
// image convert, resize, flatten, rebase, check, wipe, delete: what is done to images that exist. Those that need
// nothing else take several, try all of them, and wait for the jobs that come of it.
#include <fmt/format.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "confirm.h"
#include "help.h"
#include "image_verbs.h"
#include "storage_text.h"
#include "text.h"
#include "units.h"

namespace virtbusctl {

namespace {

struct ChangingRequest {
    std::vector<std::string> images;
    std::string argument;  // the format, size or backing image
    std::string preallocation;
    bool flag = false;  // --shrink, --force or --yes
    bool no_wait = false;
};

/// What a call to the daemon needs.
struct Target {
    Image& image;
    const Bus::ImageRow& row;
    Storage& storage;
    const ChangingRequest& request;
};
/// The path of the job that it began.
using Call = std::string (*)(const Target&);
/// What is made of the result of a job that is done.
using Outcome = bool (*)(const Program&, const Bus::ImageRow&, const Json& job);

struct Verb {
    const char* name;  // the infinitive of what it does as well
    const char* description;
    Call call;
    Outcome outcome = nullptr;
};

std::string label(const Bus::ImageRow& row) { return printable(row.pool + "/" + row.name); }

bool do_to_all(Program& program, const ChangingRequest& request, const Verb& verb) {
    JobRun run(program, request.no_wait);
    Storage storage(program);
    const bool success = program.attempt_each(verb.name, request.images, [&](const std::string& name) {
        const auto& row = storage.image(name);
        Image image(program.bus().connection(), row.path);
        const auto outcome = [&](const Json& job) { return !verb.outcome || verb.outcome(program, row, job); };
        run.began(verb.call({image, row, storage, request}), label(row), outcome);
    });
    return run.wait() && success;
}

std::string convert(const Target& target) {
    Dictionary options;
    add_text(options, "preallocation", target.request.preallocation);
    return target.image.Convert(target.request.argument, options);
}

std::string resize(const Target& target) {
    const auto size = parse_new_size(target.request.argument).from(target.row.size);
    Dictionary options;
    if (target.request.flag) options["shrink"] = true;
    return target.image.Resize(size, options);
}

std::string flatten(const Target& target) { return target.image.Flatten({}); }

std::string rebase(const Target& target) {
    const auto& backing = target.storage.image(target.request.argument, target.row.hypervisor);
    return target.image.Rebase(sdbus::ObjectPath(backing.path), {});
}

std::string check(const Target& target) { return target.image.Check({}); }

std::string wipe(const Target& target) { return target.image.Wipe({}); }

std::string remove(const Target& target) {
    Dictionary options;
    if (target.request.flag) options["force"] = true;
    return target.image.Delete(options);
}

/// Prints it; an image that is not consistent is a failure.
bool print_check(const Program& program, const Bus::ImageRow& row, const Json& job) {
    const auto result = job.value("Result", Json::object());
    if (program.output().json) {
        Json line = {{"image", row.path}};
        line.update(result);
        fmt::print("{}\n", json_line(line));
    } else {
        fmt::print("{}: {}\n", label(row), check_text(result));
    }
    return flag_at(result, "consistent");
}

std::string listed(const std::vector<std::string>& names) {
    std::string text;
    for (const auto& name : names) text += (text.empty() ? "" : ", ") + printable(name);
    return text;
}

struct Added {
    CLI::App* app;
    std::shared_ptr<ChangingRequest> request;
};

Added add_bare(Program& program, CLI::App& family, const Verb& verb) {
    const auto request = std::make_shared<ChangingRequest>();
    auto* app = program.add_nested_verb(family, verb.name, verb.description, "",
                                        [&program, request, verb] { return do_to_all(program, *request, verb); });
    return {app, request};
}

Added add(Program& program, CLI::App& family, const Verb& verb) {
    auto added = add_bare(program, family, verb);
    added.app->add_option("IMAGE", added.request->images)->required();
    return added;
}

/// One with an argument takes one image only.
Added add_with_argument(Program& program, CLI::App& family, const Verb& verb, const char* argument) {
    auto added = add_bare(program, family, verb);
    added.request->images.resize(1);
    added.app->add_option("IMAGE", added.request->images.front())->required();
    added.app->add_option(argument, added.request->argument)->required();
    return added;
}

void add_resize(Program& program, CLI::App& family) {
    const auto verb = add_with_argument(program, family, {"resize", "change the size that guests see", resize}, "SIZE");
    verb.app->add_flag("--shrink", verb.request->flag, "also to less than now: what lies beyond is lost");
    verb.app->footer(std::string(image_help) + "\n" + sizes_help + " +5G is that much more than now.");
    add_no_wait(*verb.app, verb.request->no_wait);
}

void add_wipe(Program& program, CLI::App& family) {
    const auto request = std::make_shared<ChangingRequest>();
    const Verb verb = {"wipe", "overwrite all that images hold", wipe};
    auto* app = program.add_nested_verb(family, verb.name, verb.description, "", [&program, request, verb] {
        const auto question = fmt::format("Wipe {}? All in it is lost.", listed(request->images));
        return (request->flag || confirm(question)) && do_to_all(program, *request, verb);
    });
    app->add_option("IMAGE", request->images)->required();
    app->add_flag("-y,--yes", request->flag, "do not ask");
    add_no_wait(*app, request->no_wait);
}

}  // namespace

void add_image_change_verbs(Program& program, CLI::App& family) {
    const auto with_no_wait = [](const Added& verb) { add_no_wait(*verb.app, verb.request->no_wait); };
    const auto converted = add_with_argument(
        program, family, {"convert", "give an image another format: qcow2 or raw", convert}, "FORMAT");
    add_preallocation(*converted.app, converted.request->preallocation);
    with_no_wait(converted);
    add_resize(program, family);
    with_no_wait(add(program, family, {"flatten", "make images whole, so that they need no other", flatten}));
    with_no_wait(add_with_argument(program, family, {"rebase", "base an image on another one", rebase}, "BACKING"));
    with_no_wait(
        add(program, family, {"check", "look whether images are consistent; exit code 1 if not", check, print_check}));
    add_wipe(program, family);
    const auto deleted = add(program, family, {"delete", "remove images", remove});
    deleted.app->add_flag("--force", deleted.request->flag, "also those that machines have as disks, if they are off");
    with_no_wait(deleted);
}

}  // namespace virtbusctl
