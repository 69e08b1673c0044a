// SPDX-License-Identifier: LGPL-2.1-or-later
// The jobs on machine-ids of guests, one function each: it looks whether the rules allow it, which fails at once,
// claims the machine and its disks, and begins the job. Returns the job's number. Main thread only.
#pragma once

#include "model/guest_access.h"
#include "model/guest_tool.h"
#include "model/identities.h"
#include "model/image_jobs.h"
#include "model/jobs.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace virtbus {

/// How a guest's id is to be changed.
struct IdentityPlan {
    bool boot_entries = true;
    std::optional<std::string> expected;  ///< a fingerprint
    bool duplicate = false;               ///< an id that another has is right
};

class IdentityJobs {
public:
    IdentityJobs(Jobs& jobs, Identities& identities, std::shared_ptr<GuestTool> tool)
        : jobs_(jobs), identities_(identities), tool_(std::move(tool)) {}

    std::uint64_t refresh(const JobOrigin& origin, const Machine& machine);
    std::uint64_t assign(const JobOrigin& origin, const Machine& machine, const MachineId& id,
                         const IdentityPlan& plan);
    /// A new random id.
    std::uint64_t regenerate(const JobOrigin& origin, const Machine& machine, const IdentityPlan& plan);
    std::uint64_t seal(const JobOrigin& origin, const Machine& machine, bool uninitialized, bool boot_entries);

    /// Reads the machines that are not known, or not any more, and can be read; gives all that have one id.
    std::uint64_t audit(std::uint32_t owner, std::vector<std::shared_ptr<Hypervisor>> hypervisors);

    /// Somebody is about to have it, as long as this lives: nobody else is given it meanwhile.
    using Promise = std::shared_ptr<const MachineId>;
    Promise promise(const MachineId& id);
    /// duplicate_machine_id when another than `machine` has it, or is about to.
    void refuse_duplicate(const MachineId& id, const std::optional<MachineRef>& machine) const;
    /// One that nobody has who is known.
    [[nodiscard]] MachineId new_id() const;
    /// What assign() would throw at once.
    void check(Hypervisor& hypervisor, const Machine& machine, const MachineId& id) const;

    [[nodiscard]] Identities& identities() const { return identities_; }
    [[nodiscard]] const std::shared_ptr<GuestTool>& tool() const { return tool_; }

private:
    GuestAccess access_to_change(Hypervisor& hypervisor, const Machine& machine) const;
    std::uint64_t change(JobKind kind, const JobOrigin& origin, const Machine& machine, const IdentityChange& change,
                         std::optional<std::string> expected, const Promise& promise);

    Jobs& jobs_;
    Identities& identities_;
    std::shared_ptr<GuestTool> tool_;
    std::vector<std::weak_ptr<const MachineId>> promised_;
};

}  // namespace virtbus
