// SPDX-License-Identifier: LGPL-2.1-or-later
// image list and image show: disk images, as virtbus describes them.
#include <fmt/format.h>

#include <memory>
#include <string>

#include "image_verbs.h"
#include "object_name.h"
#include "storage_text.h"
#include "text.h"

namespace virtbusctl {

namespace {

struct Filter {
    std::string pool;
    std::string format;
};

/// The daemon filters by names: a path holds them.
Dictionary filter_options(const Program& program, const Filter& filter) {
    Dictionary options;
    add_text(options, "hypervisor", program.hypervisor());
    add_text(options, "pool", filter.pool);
    add_text(options, "format", filter.format);
    if (const auto pool = storage_name(filter.pool)) {
        options["pool"] = pool->pool;
        options["hypervisor"] = pool->hypervisor;
    }
    return options;
}

bool list(Program& program, const Filter& filter) {
    const auto images = program.bus().list_images(filter_options(program, filter));
    Table table("images", {{"NAME", "name", Column::Fit::cut},
                           {"POOL", "pool", Column::Fit::cut},
                           hypervisor_column(images),
                           {"FORMAT", "format"},
                           {"SIZE", "size", Column::Fit::right},
                           {"ALLOCATED", "allocated", Column::Fit::right},
                           {"USED-BY", "used_by", Column::Fit::right},
                           {"PATH", "path", Column::Fit::only_json}});
    for (const auto& image : images)
        table.add({text_cell(image.name), text_cell(image.pool), text_cell(image.hypervisor), text_cell(image.format),
                   size_cell(image.size), size_cell(image.allocation), number_cell(image.users),
                   text_cell(image.path)});
    table.print(program.output());
    program.tell_away();
    return true;
}

bool show(Program& program, const std::string& name) {
    return program.attempt("show " + printable(name), [&] {
        const auto path = Storage(program).image(name).path;
        const auto image = program.bus().properties(path, Image::INTERFACE_NAME);
        if (program.output().json) return print_json(image);
        fmt::print("{}", image_text(image, program.bus().machine_names()));
    });
}

}  // namespace

void add_image_look_verbs(Program& program, CLI::App& family) {
    const auto filter = std::make_shared<Filter>();
    auto* list_verb = program.add_nested_verb(family, "list", "list the images", "list the images",
                                              [&program, filter] { return list(program, *filter); });
    add_pool(*list_verb, filter->pool, "only those in this pool");
    list_verb->add_option("--format", filter->format, "only those of this format, such as qcow2 or raw");

    const auto name = std::make_shared<std::string>();
    auto* show_verb = program.add_nested_verb(family, "show", "show all about an image", "",
                                              [&program, name] { return show(program, *name); });
    show_verb->add_option("IMAGE", *name)->required();
}

}  // namespace virtbusctl
