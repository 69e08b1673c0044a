// SPDX-License-Identifier: LGPL-2.1-or-later
#include "machine_id_verbs.h"

#include "verbs.h"

namespace virtbusctl {

namespace {

constexpr const char* machine_id_help =
    "A MACHINE is a name or a UUID; an ID is 32 hexadecimal digits, with the dashes of a UUID or without.\n"
    "The ids of guests are confidential: a fingerprint tells which are the same.";

}  // namespace

void require_machines_or_host(const std::vector<std::string>& machines, bool host) {
    if (machines.empty() && !host) throw UsageError("say which MACHINE is meant, or --host");
    if (!machines.empty() && host) throw UsageError("a MACHINE and --host exclude each other");
}

Labels all_labels(Program& program) { return machine_labels(program.bus().list_machines()); }

void add_machine_id_verbs(Program& program) {
    auto* family = program.add_family("Identity", "machine-id",
                                      "show, change and compare the machine-ids of guests and of this host");
    family->footer(machine_id_help);  // of its verbs as well
    add_machine_id_look_verbs(program, *family);
    add_machine_id_change_verbs(program, *family);
    add_machine_id_host_verbs(program, *family);
}

}  // namespace virtbusctl
