// SPDX-License-Identifier: LGPL-2.1-or-later
// The objects on the bus: the manager, the jobs, and a branch for each hypervisor. Main thread only.
#pragma once

#include "bus/branch.h"
#include "bus/host_machine_id_object.h"
#include "bus/job_object.h"
#include "bus/log_control_object.h"
#include "bus/manager_object.h"
#include "bus/served_object.h"

#include <functional>
#include <map>
#include <memory>

namespace virtbus::bus {

/// What the objects show, and work with.
struct Model {
    Hypervisors& hypervisors;
    Jobs& jobs;
    ImageJobs& image_jobs;
    IdentityJobs& identity_jobs;
    MachineClones& clones;
    std::shared_ptr<ContainerTool> containers;
    HostIdentity& host;
    AllowedFiles allowed;
    ManagerObject::ReadConfiguration read_configuration;
};

class Tree final : public HypervisorsObserver, public JobsObserver, public IdentitiesObserver {
public:
    /// Is given one line that says how all hypervisors are, when that changes.
    using StatusListener = std::function<void(const std::string&)>;

    Tree(Services services, Model model, StatusListener listener);
    Tree(const Tree&) = delete;
    Tree& operator=(const Tree&) = delete;
    ~Tree() override;

    /// What callers may name from now on.
    void allow(AllowedFiles allowed) { model_.allowed = std::move(allowed); }

    void added(const std::shared_ptr<Hypervisor>& hypervisor) override;
    void removed(const std::shared_ptr<Hypervisor>& hypervisor) override;

    void job_added(const JobStatus& job) override;
    void job_changed(const JobStatus& before, const JobStatus& after) override;
    void job_removed(const JobStatus& job) override;

    void identity_changed(const ObjectRef& subject) override;
    void duplicates_found(const std::string& fingerprint, const std::vector<ObjectRef>& subjects) override;
    void duplicates_resolved(const std::string& fingerprint) override;

private:
    void tell_status() const;

    Services services_;
    Model model_;
    StatusListener listener_;
    LogControlObject log_control_;
    std::shared_ptr<ManagerObject> manager_;
    std::shared_ptr<MachineIdObject> host_id_;
    std::shared_ptr<HostMachineIdObject> host_machine_id_;
    std::map<std::string, std::unique_ptr<Branch>> branches_;  // by the hypervisor's name
    std::map<std::uint64_t, std::shared_ptr<JobObject>> job_objects_;
};

}  // namespace virtbus::bus
