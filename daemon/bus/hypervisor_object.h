// SPDX-License-Identifier: LGPL-2.1-or-later
// org.virtbus1.Hypervisor: shows one hypervisor's status, and makes machines on it. Main thread only.
#pragma once

#include "bus/options.h"
#include "bus/published.h"
#include "model/allowed_files.h"
#include "model/hypervisor.h"
#include "model/jobs.h"

#include <org.virtbus1.Hypervisor_adaptor.h>
#include <org.virtbus1.Hypervisor_properties.h>

#include <chrono>
#include <functional>
#include <memory>
#include <vector>

namespace virtbus::bus {

class HypervisorObject final
    : public Published<HypervisorObject, org::virtbus1::Hypervisor_adaptor, org::virtbus1::Hypervisor_properties> {
public:
    HypervisorObject(Services services, std::shared_ptr<Hypervisor> hypervisor, Jobs& jobs,
                     const AllowedFiles& allowed);

    /// Announces which properties differ between the two.
    void show(const HypervisorStatus& before, const HypervisorStatus& after);
    [[nodiscard]] Error gone() const {
        return {Code::no_such_hypervisor, "hypervisor " + hypervisor_->name() + " was removed"};
    }
    /// Announces that it has other pools.
    void show_pools();
    /// The same of networks.
    void show_networks();

private:
    friend org::virtbus1::Hypervisor_properties;
    using PathResult = sdbus::Result<sdbus::ObjectPath>;
    using FileCheck = std::function<void(const AllowedFiles&)>;

    [[nodiscard]] Details details() const override { return about(*hypervisor_); }
    void CreateMachine(PathResult&& result, VariantMap spec) override;
    void DefineXml(PathResult&& result, std::string xml, VariantMap options) override;
    void CreatePool(PathResult&& result, std::string name, std::string path, VariantMap options) override;
    void GetDefaultPool(PathResult&& result, VariantMap options) override;
    void CreateNetwork(PathResult&& result, VariantMap spec) override;
    void GetCapabilitiesXml(sdbus::Result<std::string>&& result) override;
    void Reconnect(sdbus::Result<>&& result, VariantMap options) override;

    std::string Name() override { return hypervisor_->name(); }
    std::string Uri() override { return hypervisor_->uri(); }
    bool Configured() override { return hypervisor_->is_configured(); }
    std::string Driver() override { return info().driver; }
    std::string Type() override { return std::string(to_string(info().type)); }
    bool Connected() override { return hypervisor_->status().connection == virtbus::ConnectionState::connected; }
    std::string ConnectionState() override { return std::string(to_string(hypervisor_->status().connection)); }
    std::string ConnectionError() override { return hypervisor_->status().error; }
    std::string Version() override { return info().version; }
    std::string LibvirtVersion() override { return info().libvirt_version; }
    std::string Hostname() override { return info().hostname; }
    std::string Arch() override { return info().arch; }
    std::string Cpu() override { return info().cpu; }
    std::string HardwareVirtualization() override { return std::string(to_string(info().hardware)); }
    std::vector<std::string> Features() override;
    std::vector<std::string> Accelerations() override;
    std::vector<std::string> GuestTypes() override;
    std::uint64_t PollIntervalUSec() override {
        return static_cast<std::uint64_t>(std::chrono::microseconds(hypervisor_->poll_interval()).count());
    }
    std::uint32_t Cpus() override { return info().cpus; }
    std::uint64_t Memory() override { return info().memory; }
    std::vector<sdbus::ObjectPath> Pools() override;
    std::vector<sdbus::ObjectPath> Networks() override;

    /// Has a worker check files that a caller has named: one on a file system that does not answer keeps nobody waiting
    /// but its caller.
    Task<> check_allowed(FileCheck check) const;
    /// The image that the disk, or a file, is, if it is one; its file is called then as the pool has it.
    Task<ImagePtr> image_of(DiskSpec& disk) const;
    Task<ImagePtr> image_at(std::string& file) const;
    /// The images that the machine would be given. Gives each disk on one the image's format, where the caller left it
    /// out, and refuses what no machine may have as its disk.
    Task<std::vector<ImagePtr>> resolve_images(MachineSpec& spec) const;
    /// The pool of that name, made and started if need be.
    Task<> provide_pool(PoolSpec spec);
    /// Returns when the mirror shows the outcome, also when it failed.
    Task<> make_network(NetworkSpec spec);
    /// Waits for `making` and until the mirror shows its outcome, also when it failed: a machine that was taken back,
    /// because it did not start, is gone when the caller hears of it.
    Task<> settled(Task<Uuid> making, Uuid uuid);
    [[nodiscard]] const HypervisorInfo& info() const { return hypervisor_->status().info; }

    std::shared_ptr<Hypervisor> hypervisor_;
    Jobs& jobs_;
    const AllowedFiles& allowed_;
};

}  // namespace virtbus::bus
