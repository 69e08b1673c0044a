// SPDX-License-Identifier: LGPL-2.1-or-later
#include "image_verbs.h"

#include <fmt/format.h>

#include "object_name.h"
#include "text.h"
#include "verbs.h"

namespace virtbusctl {

bool print_new_image(const Program& program, const Json& job) {
    const auto path = text_at(job.value("Result", Json::object()), "image");
    if (path.empty()) return true;
    const auto name = storage_name(path);
    if (program.output().json)
        print_json({{"image", path}, {"name", name ? name->image : ""}, {"pool", name ? name->pool : ""}});
    else
        fmt::print("{}\n", printable(short_name(path)));
    return true;
}

void add_text(Dictionary& options, const char* key, const std::string& text) {
    if (!text.empty()) options[key] = text;
}

void add_preallocation(CLI::App& verb, std::string& preallocation) {
    verb.add_option("--preallocation", preallocation, "off (default), metadata (qcow2 only) or full");
}

void add_pool(CLI::App& verb, std::string& pool, const char* description) {
    verb.add_option("--pool", pool, description)->type_name("POOL");
}

void add_image_verbs(Program& program) {
    auto* family = program.add_family("Storage", "image", "list, make, change, copy and delete disk images");
    family->footer(image_help);  // of its verbs as well
    add_image_look_verbs(program, *family);
    add_image_make_verbs(program, *family);
    add_image_transfer_verbs(program, *family);
    add_image_change_verbs(program, *family);
}

}  // namespace virtbusctl
