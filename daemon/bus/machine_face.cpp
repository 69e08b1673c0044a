// SPDX-License-Identifier: LGPL-2.1-or-later
#include "bus/machine_face.h"

#include "bus/paths.h"

#include <fmt/format.h>

namespace virtbus::bus {

Error MachineFace::gone() const { return {Code::no_such_machine, fmt::format("machine {} is gone", machine_->name)}; }

Task<> MachineFace::attempt(Lane lane, PortWork work) {
    const auto uuid = machine_->uuid;
    try {
        co_await hypervisor_->run(lane, std::move(work));
    } catch (...) {
        hypervisor_->inventory().touch(uuid);
        throw;
    }
}

Task<> MachineFace::change(Lane lane, PortWork work, bool may_end) {
    const auto uuid = machine_->uuid;
    co_await attempt(lane, std::move(work));
    if (may_end)
        co_await hypervisor_->inventory().settled(uuid);
    else
        co_await hypervisor_->inventory().refreshed(uuid);
}

sdbus::ObjectPath MachineFace::start_job(JobKind kind, const Call& call, Jobs::Work work) {
    const MachineRef machine{hypervisor_->name(), machine_->uuid};
    return job_path(jobs_.start({kind, machine, call.uid, {machine}, {}}, std::move(work)));
}

void MachineFace::require_active() const {
    if (!is_active(machine_->state))
        throw Error(Code::invalid_state,
                    fmt::format("machine {} is {}: it does not run", machine_->name, to_string(machine_->state)));
}

void MachineFace::require_awake() const {
    require_active();
    if (machine_->state == MachineState::paused || machine_->state == MachineState::suspended)
        throw Error(Code::invalid_state,
                    fmt::format("machine {} is {}: Resume it first", machine_->name, to_string(machine_->state)));
}

}  // namespace virtbus::bus
