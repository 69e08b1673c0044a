// SPDX-License-Identifier: LGPL-2.1-or-later
// What the verbs of `image` share, and the files that they are in.
#pragma once

#include <CLI/CLI.hpp>
#include <algorithm>
#include <string>
#include <vector>

#include "job_run.h"
#include "program.h"
#include "storage.h"

namespace virtbusctl {

// Each adds its verbs to the family.
void add_image_look_verbs(Program& program, CLI::App& family);      // list, show
void add_image_make_verbs(Program& program, CLI::App& family);      // create, clone
void add_image_change_verbs(Program& program, CLI::App& family);    // convert, resize, flatten, rebase, check, …
void add_image_transfer_verbs(Program& program, CLI::App& family);  // import, export

/// Prints the new image that the job has in its result: true, so that it can end an action.
bool print_new_image(const Program& program, const Json& job);

/// HYPERVISOR: for people only where the rows are of several.
template <typename Row>
[[nodiscard]] Column hypervisor_column(const std::vector<Row>& rows) {
    const bool several = std::any_of(rows.begin(), rows.end(),
                                     [&](const Row& row) { return row.hypervisor != rows.front().hypervisor; });
    return {"HYPERVISOR", "hypervisor", several ? Column::Fit::cut : Column::Fit::only_json};
}

/// An option whose value is left to the daemon where it is not given.
void add_text(Dictionary& options, const char* key, const std::string& text);

void add_preallocation(CLI::App& verb, std::string& preallocation);
void add_pool(CLI::App& verb, std::string& pool, const char* description);

}  // namespace virtbusctl
