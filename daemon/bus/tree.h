// SPDX-License-Identifier: LGPL-2.1-or-later
// The objects on the bus: the manager, the jobs, and a branch for each hypervisor. Main thread only.
#pragma once

#include "bus/branch.h"
#include "bus/job_object.h"
#include "bus/log_control_object.h"
#include "bus/manager_object.h"
#include "bus/served_object.h"

#include <functional>
#include <map>
#include <memory>
#include <vector>

namespace virtbus::bus {

class Tree final : public JobsObserver {
public:
    /// Is given one line that says how all hypervisors are, when that changes.
    using StatusListener = std::function<void(const std::string&)>;

    Tree(Services services, std::vector<std::shared_ptr<Hypervisor>> hypervisors, Jobs& jobs, ImageJobs& image_jobs,
         AllowedFiles allowed, StatusListener listener);
    Tree(const Tree&) = delete;
    Tree& operator=(const Tree&) = delete;
    ~Tree() override;

    void job_added(const JobStatus& job) override;
    void job_changed(const JobStatus& before, const JobStatus& after) override;
    void job_removed(const JobStatus& job) override;

private:
    void tell_status() const;

    Services services_;
    std::vector<std::shared_ptr<Hypervisor>> hypervisors_;
    Jobs& jobs_;
    ImageJobs& image_jobs_;
    AllowedFiles allowed_;
    StatusListener listener_;
    LogControlObject log_control_;
    std::shared_ptr<ManagerObject> manager_;
    std::vector<std::unique_ptr<Branch>> branches_;
    std::map<std::uint64_t, std::shared_ptr<JobObject>> job_objects_;
};

}  // namespace virtbus::bus
