// SPDX-License-Identifier: LGPL-2.1-or-later
// What is known of machine-ids, for people: pages, rows of tables, lines. Nothing here needs a bus.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "bus.h"
#include "output.h"

namespace virtbusctl {

/// What machines are called, by path: "web", and "web on qemu" where several have that name. Not made printable.
using Labels = std::map<std::string, std::string>;
[[nodiscard]] Labels machine_labels(const std::vector<Bus::MachineRow>& machines);

/// The names of these objects, printable, with commas between.
[[nodiscard]] std::string names_of(const Json& paths, const Labels& labels);

/// Its beginning: enough to see which are the same.
[[nodiscard]] std::string short_fingerprint(const std::string& fingerprint);

/// One that has a machine-id. `identity`: all properties of MachineId, of this host those of HostMachineId too, and
/// "Id" where the id itself was asked for.
struct IdentityView {
    std::string path;
    std::string name;
    std::string hypervisor;  // "" for this host
    Json identity;
};

/// The page of one. `now`: microseconds since 1970.
[[nodiscard]] std::string identity_text(const IdentityView& view, const Labels& labels, std::uint64_t now);

/// "valid, fingerprint 0123456789ab, verified, the same as of db".
[[nodiscard]] std::string identity_line(const Json& identity, const Labels& labels);

/// The table of all. `hypervisor`: that column, as it is shown.
[[nodiscard]] std::vector<Column> identity_columns(const Column& hypervisor);
[[nodiscard]] std::vector<Cell> identity_row(const IdentityView& view, const Labels& labels, std::uint64_t now);

/// What an audit has found: a row for each group that has one id.
[[nodiscard]] std::vector<Column> group_columns();
[[nodiscard]] std::vector<Cell> group_row(const Json& group, const Labels& labels);
/// What it could not read, a line each; "" for nothing.
[[nodiscard]] std::string unread_text(const Json& unread, const Labels& labels);
/// The same for programs. `result`: of a job of kind machine-id-audit.
[[nodiscard]] Json audit_json(const Json& result);

/// What another id would break: a word and a sentence each.
[[nodiscard]] std::string consequences_text(const std::vector<std::pair<std::string, std::string>>& consequences);

/// "web2: machine-id with fingerprint 0123456789ab". `machine_id`: what was asked for, such as seal.
[[nodiscard]] std::string clone_text(const std::string& name, const std::string& machine_id,
                                     const std::string& fingerprint);

}  // namespace virtbusctl
