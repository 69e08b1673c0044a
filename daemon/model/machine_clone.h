// SPDX-License-Identifier: LGPL-2.1-or-later
// Making a machine from another: copies of its disks, with a machine-id of their own that was read back before the copy
// is defined. It is there whole or not at all, whenever whoever works on it is killed. Main thread only.
#pragma once

#include "model/hypervisors.h"
#include "model/identity_jobs.h"
#include "model/image_jobs.h"
#include "model/machine_quota.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace virtbus {

struct ClonePlan {
    enum class IdentityOf {
        a_new_one,
        a_given_one,  ///< `id`
        none,         ///< sealed: the copy makes one at its first boot
        the_source,   ///< the same, and a duplicate
    };

    std::string name;
    bool linked = false;              ///< based on the source's disks instead of copies of them
    std::optional<std::string> pool;  ///< where its images are made; those of the source's disks
    IdentityOf identity = IdentityOf::a_new_one;
    std::optional<MachineId> id;
    std::optional<std::string> hostname;
    MachineQuota::Place place;  ///< the copy's, while it is being made
};

class MachineClones {
public:
    MachineClones(Jobs& jobs, JobJournal& journal, std::shared_ptr<ImageTool> image_tool, IdentityJobs& identity_jobs)
        : jobs_(jobs), journal_(journal), image_tool_(std::move(image_tool)), identity_jobs_(identity_jobs) {}

    /// Looks whether the rules allow it, and begins the job; its number.
    std::uint64_t clone(const JobOrigin& origin, const Machine& source, const ClonePlan& plan);

    /// Finishes or removes what an earlier daemon had half made, copies and images, and says so in the log; once, at
    /// the start.
    Task<> recover(const Hypervisors& hypervisors);

private:
    Jobs& jobs_;
    JobJournal& journal_;
    std::shared_ptr<ImageTool> image_tool_;
    IdentityJobs& identity_jobs_;
};

}  // namespace virtbus
