// SPDX-License-Identifier: LGPL-2.1-or-later
// Who may do what. Every method names the action it needs; there is no way to serve one without. Main thread only.
#pragma once

#include "base/task.h"
#include "bus/callers.h"
#include "bus/connection.h"
#include "bus/polkit.h"

#include <optional>
#include <string_view>

namespace virtbus::bus {

/// What a method needs the right to do: by object and intent, not one for each method.
enum class Action {
    read,             ///< what properties show anyway
    machine_inspect,  ///< its XML
    machine_control,  ///< start, stop, pause, …
    machine_edit,     ///< its definition
    machine_create,
    machine_clone,   ///< with what is in its disks
    machine_define,  ///< by XML, which may name any file or program: whoever may is as good as root
    machine_delete,
    machine_console,
    container_run,     ///< a command inside
    machine_id_read,   ///< a guest's machine-id itself: it is confidential
    machine_id_probe,  ///< reading disks for it: it costs time
    machine_id_change,
    host_machine_id_ensure,
    host_machine_id_regenerate,
    pool_manage,
    image_inspect,  ///< check: it costs time
    image_create,   ///< also by cloning and importing; of what others are made from, too
    image_attach,   ///< give it to a machine, which reads and writes it
    image_edit,
    image_export,     ///< what a guest wrote into it
    image_delete,     ///< and wipe
    network_inspect,  ///< leases, XML
    network_manage,
    hypervisor_inspect,
    hypervisor_manage,
    job_cancel,
};

/// The action's id, as polkit knows it: org.virtbus1.<noun>.<intent>, see org.virtbus1.policy.
std::string_view to_string(Action action);

class Authority {
public:
    Authority(BusType bus, asio::io_context& loop, sdbus::IConnection& connection, Callers& callers);

    /// Returns when the caller of `call`, whose uid is known, may do `action`; else Error access_denied, or
    /// interaction_required when a password would help.
    Task<> require(Action action, Call call);

private:
    BusType bus_;
    std::optional<Polkit> polkit_;  ///< of the system bus
};

}  // namespace virtbus::bus
