// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/machine.h"

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
