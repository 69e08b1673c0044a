// SPDX-License-Identifier: LGPL-2.1-or-later
// org.virtbus1.Machine: shows what virtual machines and containers of the mirror have in common, and turns its methods
// into calls on the hypervisor. Main thread only.
#pragma once

#include "bus/machine_face.h"
#include "bus/machine_properties.h"
#include "bus/options.h"
#include "bus/published.h"
#include "model/machine_clone.h"

#include <org.virtbus1.Machine_adaptor.h>
#include <org.virtbus1.Machine_properties.h>

#include <memory>

namespace virtbus::bus {

class MachineObject final
    : public Published<MachineObject, org::virtbus1::Machine_adaptor, org::virtbus1::Machine_properties>,
      public MachineFace {
public:
    MachineObject(Services services, std::shared_ptr<virtbus::Hypervisor> hypervisor, Jobs& jobs, MachineClones& clones,
                  MachinePtr machine);

    /// Shows `after`, and announces which properties differ.
    void show(const MachinePtr& after);
    void tell(const LifecycleEvent& event, std::uint64_t sequence);

private:
    friend org::virtbus1::Machine_properties;
    using Result = sdbus::Result<>;
    using JobResult = sdbus::Result<sdbus::ObjectPath>;

    [[nodiscard]] Details details() const override { return about(*hypervisor_, *machine_); }
    void Start(JobResult&& result, VariantMap options) override;
    void Shutdown(JobResult&& result, VariantMap options) override;
    void Reboot(Result&& result, VariantMap options) override;
    void PowerOff(Result&& result, VariantMap options) override;
    void Pause(Result&& result, VariantMap options) override;
    void Resume(Result&& result, VariantMap options) override;
    void Clone(JobResult&& result, std::string name, VariantMap options) override;
    void Delete(Result&& result, VariantMap options) override;
    void Rename(Result&& result, std::string new_name, VariantMap options) override;
    void SetAutostart(Result&& result, bool autostart, VariantMap options) override;
    void SetMemory(Result&& result, std::uint64_t bytes, VariantMap options) override;
    void SetVcpus(Result&& result, std::uint32_t vcpus, VariantMap options) override;
    void SetTitle(Result&& result, std::string title, VariantMap options) override;
    void SetDescription(Result&& result, std::string description, VariantMap options) override;
    void SetTags(Result&& result, std::vector<std::string> tags, VariantMap options) override;
    void GetAddresses(sdbus::Result<std::vector<VariantMap>>&& result, VariantMap options) override;
    void GetXml(sdbus::Result<std::string, std::uint64_t>&& result, VariantMap options) override;
    void DefineXml(Result&& result, std::string xml, VariantMap options) override;
    void OpenConsole(sdbus::Result<sdbus::UnixFd>&& result, VariantMap options) override;

    std::string Uuid() override { return machine_->uuid.text(); }
    sdbus::ObjectPath Hypervisor() override;
    std::string Name() override { return machine_->name; }
    std::string Kind() override { return std::string(to_string(machine_->kind)); }
    std::string Virtualization() override { return std::string(to_string(machine_->virtualization)); }
    std::vector<std::string> VirtualizationEvidence() override { return machine_->evidence; }
    std::string Acceleration() override { return std::string(to_string(machine_->acceleration)); }
    std::string State() override { return std::string(to_string(machine_->state)); }
    std::string StateReason() override { return machine_->state_reason; }
    std::uint64_t StateSinceUSec() override { return machine_->state_since; }
    bool Persistent() override { return machine_->persistent; }
    bool Autostart() override { return machine_->autostart; }
    std::string Arch() override { return machine_->arch; }
    std::uint32_t Vcpus() override { return machine_->vcpus; }
    std::uint32_t MaximumVcpus() override { return machine_->maximum_vcpus; }
    std::uint64_t Memory() override { return machine_->memory; }
    std::uint64_t MaximumMemory() override { return machine_->maximum_memory; }
    std::vector<VariantMap> Interfaces() override { return to_dictionaries(machine_->interfaces); }
    Dictionaries<Interface> interfaces() const { return {machine_->interfaces}; }
    std::vector<VariantMap> Addresses() override { return to_dictionaries(machine_->addresses); }
    Dictionaries<Address> addresses() const { return {machine_->addresses}; }
    std::uint64_t AddressesUSec() override { return machine_->addresses_found; }
    std::string OperatingSystem() override { return machine_->operating_system; }
    std::string Title() override { return machine_->title; }
    std::string Description() override { return machine_->description; }
    std::vector<std::string> Tags() override { return machine_->tags; }
    std::uint32_t Owner() override { return machine_->owner; }
    sdbus::ObjectPath CurrentJob() override;
    std::uint64_t Generation() override { return machine_->generation; }

    /// Serves a method that is one port call: runs it, then replies when its effect shows.
    void serve_work(Result&& result, Action action, Feature feature, VariantMap options, PortWork work);

    /// Keeps its images for itself, while it starts: Error in_use or unsafe_image.
    [[nodiscard]] Claims::Claim claim_images() const;

    MachineClones& clones_;
};

}  // namespace virtbus::bus
