// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/machine.h"

#include "base/utf8.h"

namespace virtbus {

std::string_view to_string(Kind kind) {
    switch (kind) {
        case Kind::vm: return "vm";
        case Kind::container: return "container";
    }
    return "";
}

std::string_view to_string(Virtualization virtualization) {
    switch (virtualization) {
        case Virtualization::unknown: return "unknown";
        case Virtualization::full: return "full";
        case Virtualization::hybrid: return "hybrid";
        case Virtualization::para: return "para";
        case Virtualization::container: return "container";
    }
    return "";
}

std::string_view to_string(Acceleration acceleration) {
    switch (acceleration) {
        case Acceleration::kvm: return "kvm";
        case Acceleration::xen: return "xen";
        case Acceleration::tcg: return "tcg";
        case Acceleration::native: return "native";
    }
    return "";
}

std::string_view to_string(MachineState state) {
    switch (state) {
        case MachineState::unknown: return "unknown";
        case MachineState::running: return "running";
        case MachineState::blocked: return "blocked";
        case MachineState::paused: return "paused";
        case MachineState::shutting_down: return "shutting-down";
        case MachineState::shut_off: return "shut-off";
        case MachineState::crashed: return "crashed";
        case MachineState::suspended: return "suspended";
    }
    return "";
}

std::string_view to_string(AgentState agent) {
    switch (agent) {
        case AgentState::none: return "none";
        case AgentState::disconnected: return "disconnected";
        case AgentState::connected: return "connected";
    }
    return "";
}

namespace {

template <typename... Texts>
void clean(Texts&... texts) {
    const auto clean_one = [](std::string& text) {
        if (!is_utf8(text)) text = to_utf8(text);
    };
    (clean_one(texts), ...);
}

}  // namespace

DiskSource source_of(const Disk& disk) {
    if (!disk.pool.empty()) return {{}, disk.pool, disk.volume};
    return {disk.file.empty() ? disk.block : disk.file, {}, {}};
}

void clean_text(Machine& machine) {
    clean(machine.name, machine.state_reason, machine.arch, machine.machine_type, machine.firmware,
          machine.operating_system, machine.title, machine.description);
    for (auto& fact : machine.evidence) clean(fact);
    for (auto& word : machine.init) clean(word);
    for (auto& tag : machine.tags) clean(tag);
    for (auto* disks : {&machine.disks, &machine.next_disks})
        for (auto& disk : *disks)
            clean(disk.target, disk.bus, disk.device, disk.format, disk.file, disk.block, disk.dir, disk.pool,
                  disk.volume, disk.protocol, disk.name);
    for (auto& interface : machine.interfaces)
        clean(interface.mac, interface.type, interface.model, interface.network, interface.bridge, interface.target);
    for (auto& graphics : machine.graphics) clean(graphics.type, graphics.listen, graphics.address);
}

bool is_active(MachineState state) {
    switch (state) {
        case MachineState::running:
        case MachineState::blocked:
        case MachineState::paused:
        case MachineState::shutting_down:
        case MachineState::crashed:  // kept for a post-mortem (on_crash=preserve); a crash that ended it is shut_off
        case MachineState::suspended: return true;
        case MachineState::unknown:
        case MachineState::shut_off: return false;
    }
    return false;
}

}  // namespace virtbus
