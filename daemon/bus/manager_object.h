// SPDX-License-Identifier: LGPL-2.1-or-later
// org.virtbus1.Manager: the entry at /org/virtbus1, with the ObjectManager of everything below. Main thread only.
#pragma once

#include "bus/options.h"
#include "bus/served_object.h"
#include "model/host_identity.h"
#include "model/hypervisors.h"
#include "model/identity_jobs.h"
#include "model/jobs.h"

#include <org.virtbus1.Manager_adaptor.h>

#include <functional>
#include <memory>
#include <vector>

namespace virtbus::bus {

class ManagerObject final
    : public sdbus::AdaptorInterfaces<org::virtbus1::Manager_adaptor, sdbus::ObjectManager_adaptor>,
      public ServedObject {
public:
    /// Makes the configuration's file count as it is now. Error failed, and all stays as it was.
    using ReadConfiguration = std::function<Task<>()>;

    ManagerObject(Services services, virtbus::Hypervisors& hypervisors, Jobs& jobs, IdentityJobs& identity_jobs,
                  HostIdentity& host, ReadConfiguration read_configuration);

    /// Sends Lifecycle; returns the sequence number that it got.
    std::uint64_t tell_lifecycle(const sdbus::ObjectPath& machine, const LifecycleEvent& event);
    /// Announces that there are others.
    void tell_hypervisors();
    void tell_resynced(const Hypervisor& hypervisor);
    void tell_job_added(const JobStatus& job);
    void tell_job_ended(const JobStatus& job);
    void tell_duplicates(const std::string& fingerprint, const std::vector<ObjectRef>& subjects);
    void tell_duplicates_resolved(const std::string& fingerprint);

private:
    using MachineRow = sdbus::Struct<sdbus::ObjectPath, std::string, std::string, std::string, std::string, std::string,
                                     std::string, std::uint32_t, std::uint64_t>;
    using ImageRow = sdbus::Struct<sdbus::ObjectPath, std::string, std::string, std::string, std::string, std::uint64_t,
                                   std::uint64_t, std::uint32_t>;
    using PoolRow = sdbus::Struct<sdbus::ObjectPath, std::string, std::string, std::string, std::string, std::uint64_t,
                                  std::uint64_t, std::uint32_t>;
    using NetworkRow = sdbus::Struct<sdbus::ObjectPath, std::string, std::string, std::string, std::string, bool, bool,
                                     std::vector<std::string>>;
    [[nodiscard]] Details details() const override { return {}; }
    using JobRow = sdbus::Struct<sdbus::ObjectPath, std::string, sdbus::ObjectPath, std::string, double>;

    void ListMachines(sdbus::Result<std::vector<MachineRow>>&& result, VariantMap filter) override;
    void ListImages(sdbus::Result<std::vector<ImageRow>>&& result, VariantMap filter) override;
    void ListPools(sdbus::Result<std::vector<PoolRow>>&& result, VariantMap filter) override;
    void ListNetworks(sdbus::Result<std::vector<NetworkRow>>&& result, VariantMap filter) override;
    void GetMachine(sdbus::Result<sdbus::ObjectPath>&& result, std::string name_or_uuid, VariantMap options) override;
    void ListJobs(sdbus::Result<std::vector<JobRow>>&& result) override;

    void AuditMachineIds(sdbus::Result<sdbus::ObjectPath>&& result, VariantMap options) override;
    void FindByMachineId(sdbus::Result<std::vector<sdbus::ObjectPath>>&& result, std::string id) override;

    void AddHypervisor(sdbus::Result<sdbus::ObjectPath>&& result, std::string name, std::string uri,
                       VariantMap options) override;
    void RemoveHypervisor(sdbus::Result<>&& result, std::string name, VariantMap options) override;
    void Reload(sdbus::Result<>&& result, VariantMap options) override;

    std::string Version() override;
    std::vector<std::string> Features() override { return {}; }
    std::vector<sdbus::ObjectPath> Hypervisors() override;
    std::uint32_t JobCount() override { return jobs_.running(); }
    std::uint64_t Sequence() override { return sequence_; }

    /// Returns when what there is when the daemon starts was read, or after a few seconds.
    Task<> settled();

    virtbus::Hypervisors& hypervisors_;
    Jobs& jobs_;
    IdentityJobs& identity_jobs_;
    HostIdentity& host_;
    ReadConfiguration read_configuration_;
    std::uint64_t sequence_ = 0;
};

}  // namespace virtbus::bus
