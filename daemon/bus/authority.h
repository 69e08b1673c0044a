// SPDX-License-Identifier: LGPL-2.1-or-later
// Who may do what. Every method names the action it needs; there is no way to serve one without.
#pragma once

#include "base/task.h"
#include "bus/callers.h"
#include "bus/connection.h"

#include <string_view>

namespace virtbus::bus {

/// What a method needs the right to do: by object and intent, not one for each method.
enum class Action {
    read,               ///< what properties show anyway
    machine_inspect,    ///< its XML
    machine_control,    ///< start, stop, pause, …
    machine_edit,       ///< its definition
    machine_create,
    machine_delete,
    machine_console,
    container_run,      ///< a command inside
    machine_id_read,    ///< a guest's machine-id itself: it is confidential
    machine_id_probe,   ///< reading disks for it: it costs time
    machine_id_change,
    host_machine_id_ensure,
    host_machine_id_regenerate,
    pool_manage,
    image_inspect,      ///< check: it costs time
    image_create,       ///< also by cloning and importing
    image_edit,
    image_export,       ///< what a guest wrote into it
    image_delete,       ///< and wipe
    network_inspect,    ///< leases, XML
    network_manage,
    hypervisor_inspect,
    hypervisor_manage,
    job_cancel,
};

/// The action's id, as polkit will know it: org.virtbus1.<noun>.<intent>.
std::string_view to_string(Action action);

class Authority {
public:
    Authority(BusType bus, Callers& callers) : bus_(bus), callers_(callers) {}

    /// The uid of `sender`, once it is known to have the right; else Error access_denied, naming the action.
    Task<uid_t> require(Action action, std::string sender);

private:
    [[nodiscard]] bool allows(Action action, uid_t uid) const;

    BusType bus_;
    Callers& callers_;
};

}  // namespace virtbus::bus
