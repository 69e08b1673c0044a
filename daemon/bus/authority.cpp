// SPDX-License-Identifier: LGPL-2.1-or-later
#include "bus/authority.h"

#include "model/error.h"

#include <fmt/format.h>
#include <unistd.h>

namespace virtbus::bus {

std::string_view to_string(Action action) {
    switch (action) {
        case Action::read: return "org.virtbus1.read";
        case Action::machine_inspect: return "org.virtbus1.machine.inspect";
        case Action::machine_control: return "org.virtbus1.machine.control";
        case Action::machine_edit: return "org.virtbus1.machine.edit";
        case Action::machine_create: return "org.virtbus1.machine.create";
        case Action::machine_clone: return "org.virtbus1.machine.clone";
        case Action::machine_define: return "org.virtbus1.machine.define-xml";
        case Action::machine_delete: return "org.virtbus1.machine.delete";
        case Action::machine_console: return "org.virtbus1.machine.console";
        case Action::container_run: return "org.virtbus1.container.run";
        case Action::machine_id_read: return "org.virtbus1.machine-id.read";
        case Action::machine_id_probe: return "org.virtbus1.machine-id.probe";
        case Action::machine_id_change: return "org.virtbus1.machine-id.change";
        case Action::host_machine_id_ensure: return "org.virtbus1.host-machine-id.ensure";
        case Action::host_machine_id_regenerate: return "org.virtbus1.host-machine-id.regenerate";
        case Action::pool_manage: return "org.virtbus1.pool.manage";
        case Action::image_inspect: return "org.virtbus1.image.inspect";
        case Action::image_create: return "org.virtbus1.image.create";
        case Action::image_attach: return "org.virtbus1.image.attach";
        case Action::image_edit: return "org.virtbus1.image.edit";
        case Action::image_export: return "org.virtbus1.image.export";
        case Action::image_delete: return "org.virtbus1.image.delete";
        case Action::network_inspect: return "org.virtbus1.network.inspect";
        case Action::network_manage: return "org.virtbus1.network.manage";
        case Action::hypervisor_inspect: return "org.virtbus1.hypervisor.inspect";
        case Action::hypervisor_manage: return "org.virtbus1.hypervisor.manage";
        case Action::job_cancel: return "org.virtbus1.job.cancel";
    }
    return "";
}

Authority::Authority(BusType bus, asio::io_context& loop, sdbus::IConnection& connection, Callers& callers)
    : bus_(bus) {
    if (bus == BusType::system) polkit_.emplace(loop, connection, callers);
}

Task<> Authority::require(Action action, Call call) {
    if (call.uid == 0) co_return;
    const std::string id(to_string(action));
    if (bus_ == BusType::session) {
        // The session's daemon does with its user's rights what its user asks for.
        if (call.uid == ::geteuid()) co_return;
        throw Error(Code::access_denied,
                    fmt::format("{} is not allowed to uid {}: this is another's session", id, call.uid));
    }
    // Everybody may see what the properties show.
    if (action != Action::read) co_await polkit_->require(id, std::move(call));
}

}  // namespace virtbus::bus
