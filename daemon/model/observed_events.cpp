// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/observed_events.h"

namespace virtbus {

namespace {

/// Why it is in its state, as far as that is known.
std::string reason_of(const Machine& machine) { return machine.state_reason == "unknown" ? "" : machine.state_reason; }

/// What it has become while it ran on.
std::vector<LifecycleEvent> state_events(MachineState before, const Machine& after) {
    switch (after.state) {
        case MachineState::paused: return {{"suspended", reason_of(after)}};
        case MachineState::suspended: return {{"pm-suspended", ""}};
        case MachineState::crashed: return {{"crashed", reason_of(after)}};
        case MachineState::shutting_down: return {{"shutdown", ""}};
        case MachineState::running:
        case MachineState::blocked:
            if (before == MachineState::paused || before == MachineState::suspended)
                return {{"resumed", reason_of(after)}};
            return {};
        case MachineState::shut_off:
        case MachineState::unknown: return {};
    }
    return {};
}

}  // namespace

std::vector<LifecycleEvent> observed_events(const Machine* before, const Machine* after) {
    std::vector<LifecycleEvent> events;
    const bool ran = before != nullptr && is_active(before->state);
    const bool runs = after != nullptr && is_active(after->state);
    if (before == nullptr && after != nullptr) events.push_back({"defined", "added"});
    if (!ran && runs) events.push_back({"started", after->state == MachineState::running ? reason_of(*after) : ""});
    if (ran && !runs) events.push_back({"stopped", after != nullptr ? reason_of(*after) : ""});
    const auto state = ran ? before->state : MachineState::running;
    if (runs && after->state != state)
        for (auto& event : state_events(state, *after)) events.push_back(std::move(event));
    if (before != nullptr && after == nullptr) events.push_back({"undefined", "removed"});
    return events;
}

}  // namespace virtbus
