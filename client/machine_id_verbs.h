// SPDX-License-Identifier: LGPL-2.1-or-later
// What the verbs of `machine-id` share, and the files that they are in.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "machine_id_text.h"
#include "program.h"

namespace virtbusctl {

// Each adds its verbs to the family.
void add_machine_id_look_verbs(Program& program, CLI::App& family);    // show, find, audit
void add_machine_id_change_verbs(Program& program, CLI::App& family);  // refresh, assign, regenerate, seal
void add_machine_id_host_verbs(Program& program, CLI::App& family);    // get, ensure, link-dbus

/// Whose machine-id is meant: machines or this host, never both. Throws UsageError.
void require_machines_or_host(const std::vector<std::string>& machines, bool host);

/// What all machines are called.
[[nodiscard]] Labels all_labels(Program& program);

/// Tells what it would break, asks unless `yes`, and does it.
bool regenerate_host(Program& program, bool yes);

}  // namespace virtbusctl
