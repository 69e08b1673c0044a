// SPDX-License-Identifier: LGPL-2.1-or-later
// What a machine does that takes its time: each is the work of a Job. Main thread only.
#pragma once

#include "model/hypervisors.h"
#include "model/jobs.h"

#include <chrono>
#include <memory>

namespace virtbus {

enum class OnTimeout { fail, power_off, leave };

struct ShutdownPlan {
    GuestMode mode = GuestMode::automatic;
    std::chrono::microseconds timeout = std::chrono::minutes(5);
    OnTimeout on_timeout = OnTimeout::fail;
};

/// Asks the guest to shut down and waits until the machine is off or gone, or the plan's time has passed.
Jobs::Work shutdown_work(std::shared_ptr<Hypervisor> hypervisor, Uuid uuid, ShutdownPlan plan);

/// Saves the machine's memory; cancelling lets it run on.
Jobs::Work save_work(std::shared_ptr<Hypervisor> hypervisor, Uuid uuid);

/// Starts a machine whose memory has to be read back first; keeps `claim` meanwhile.
Jobs::Work restore_work(std::shared_ptr<Hypervisor> hypervisor, Uuid uuid, StartOptions options,
                        Claims::Claim claim = nullptr);

/// Shows the job that libvirt runs on the machine as one of ours, unless it is one of ours. Those that are over in
/// a moment are left alone.
void adopt_job(Jobs& jobs, std::shared_ptr<Hypervisor> hypervisor, const Machine& machine);

/// Does so on all hypervisors.
class JobAdopter final : public HypervisorsObserver {
public:
    explicit JobAdopter(Jobs& jobs) : jobs_(jobs) {}

    void added(const std::shared_ptr<Hypervisor>& hypervisor) override;
    void removed(const std::shared_ptr<Hypervisor>& hypervisor) override;

private:
    Jobs& jobs_;
};

}  // namespace virtbus
