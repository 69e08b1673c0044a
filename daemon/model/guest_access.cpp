// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/guest_access.h"

#include "model/guest_disks.h"

#include <fmt/format.h>

namespace virtbus {

namespace {

/// A guest that is paused or suspended says nothing.
bool can_ask_agent(const Machine& machine) {
    const bool runs = machine.state == MachineState::running || machine.state == MachineState::blocked;
    return runs && machine.agent == AgentState::connected;
}

/// What would help, while it is active.
std::string_view way_to_ask(const Machine& machine) {
    switch (machine.agent) {
        case AgentState::connected: return "ask again when it runs";
        case AgentState::disconnected: return "install and start qemu-guest-agent in it";
        case AgentState::none: break;
    }
    return "give it a channel for an agent, and install and start qemu-guest-agent in it";
}

GuestAccess access_by_agent(const Hypervisor& hypervisor, const Machine& machine) {
    hypervisor.require(Feature::agent);
    GuestAccess access;
    access.by_agent = true;
    access.lane = Lane::agent;
    access.claims = {MachineRef{hypervisor.name(), machine.uuid}};
    access.read_source = access.change_source = IdentitySource::agent;
    access.read = [uuid = machine.uuid](Port& port, Transfer&) { return port.read_guest_identity(uuid); };
    access.change = [uuid = machine.uuid](Port& port, Transfer& progress, const IdentityChange& change) {
        progress.refuse_cancelled();  // it may have been read before
        return port.change_guest_identity(uuid, change);
    };
    return access;
}

}  // namespace

GuestAccess access_at_rest(Hypervisor& hypervisor, const Machine& machine, const std::shared_ptr<GuestTool>& tool,
                           std::string_view verb) {
    require_at_rest(machine, verb);
    const auto system = system_of(hypervisor, machine);
    GuestAccess access;
    access.claims = disk_claims(hypervisor, machine, own_disks(hypervisor, machine));
    access.read_source = system.root.empty() ? IdentitySource::disk : IdentitySource::files;
    access.change_source = IdentitySource::assigned;
    access.read = [tool, system](Port&, Transfer& progress) { return tool->read_identity(system, progress); };
    access.change = [tool, system](Port&, Transfer& progress, const IdentityChange& change) {
        return tool->change_identity(system, change, progress);
    };
    return access;
}

GuestAccess access_to(Hypervisor& hypervisor, const Machine& machine, const std::shared_ptr<GuestTool>& tool,
                      std::string_view verb) {
    if (can_ask_agent(machine)) return access_by_agent(hypervisor, machine);
    if (is_active(machine.state) && machine.kind == Kind::vm)
        throw Error(Code::invalid_state, fmt::format("cannot {} machine {}: it is {}; shut it down first, or {}", verb,
                                                     machine.name, to_string(machine.state), way_to_ask(machine)));
    return access_at_rest(hypervisor, machine, tool, verb);
}

}  // namespace virtbus
