// SPDX-License-Identifier: LGPL-2.1-or-later
// org.virtbus1.VirtualMachine: shows what only virtual machines have, beside their org.virtbus1.Machine. Main thread
// only.
#pragma once

#include "bus/machine_face.h"
#include "bus/machine_properties.h"
#include "bus/options.h"
#include "bus/published.h"

#include <org.virtbus1.VirtualMachine_adaptor.h>
#include <org.virtbus1.VirtualMachine_properties.h>

#include <memory>

namespace virtbus::bus {

class VirtualMachineObject final : public Published<VirtualMachineObject, org::virtbus1::VirtualMachine_adaptor,
                                                    org::virtbus1::VirtualMachine_properties>,
                                   public MachineFace {
public:
    VirtualMachineObject(Services services, std::shared_ptr<virtbus::Hypervisor> hypervisor, Jobs& jobs,
                         MachinePtr machine);

    /// Shows `after`, and announces which properties differ.
    void show(const MachinePtr& after);

private:
    friend org::virtbus1::VirtualMachine_properties;

    [[nodiscard]] Details details() const override { return about(*hypervisor_, *machine_); }
    void Reset(sdbus::Result<>&& result, VariantMap options) override;
    void Save(sdbus::Result<sdbus::ObjectPath>&& result, VariantMap options) override;

    std::string MachineType() override { return machine_->machine_type; }
    std::string Firmware() override { return machine_->firmware; }
    bool Saved() override { return machine_->saved; }
    std::vector<VariantMap> Disks() override { return to_dictionaries(machine_->disks); }
    Dictionaries<Disk> disks() const { return {machine_->disks}; }
    std::vector<VariantMap> Graphics() override { return to_dictionaries(machine_->graphics); }
    Dictionaries<virtbus::Graphics> graphics() const { return {machine_->graphics}; }
    std::string Agent() override { return std::string(to_string(machine_->agent)); }
};

}  // namespace virtbus::bus
