// SPDX-License-Identifier: LGPL-2.1-or-later
// What the interfaces of a machine have in common: the value that they show, and the ways to work on it. Main thread
// only.
#pragma once

#include "bus/served_object.h"
#include "model/hypervisor.h"
#include "model/jobs.h"

#include <functional>
#include <memory>
#include <string>

namespace virtbus::bus {

class MachineFace {
public:
    [[nodiscard]] Error gone() const;

protected:
    using PortWork = std::function<void(Port&)>;

    MachineFace(std::shared_ptr<virtbus::Hypervisor> hypervisor, Jobs& jobs, MachinePtr machine)
        : hypervisor_(std::move(hypervisor)), jobs_(jobs), machine_(std::move(machine)) {}

    /// Runs `work(Port&)`. What fails may have changed something all the same: then the machine is read again.
    Task<> attempt(Lane lane, PortWork work);
    /// The same, and returns when the mirror has seen its effect; of what `may_end` it, also when the machine is gone.
    Task<> change(Lane lane, PortWork work, bool may_end = false);
    /// Begins a job that nobody else may disturb.
    sdbus::ObjectPath start_job(JobKind kind, const Call& call, Jobs::Work work);
    /// Error invalid_state when it is off.
    void require_active() const;
    /// The same when its CPUs stand still: it hears nothing then.
    void require_awake() const;

    std::shared_ptr<virtbus::Hypervisor> hypervisor_;
    Jobs& jobs_;
    MachinePtr machine_;
};

}  // namespace virtbus::bus
