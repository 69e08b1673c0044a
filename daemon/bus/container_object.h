// SPDX-License-Identifier: LGPL-2.1-or-later
// org.virtbus1.Container: shows what only containers have, beside their org.virtbus1.Machine, and runs commands in
// them. Main thread only.
#pragma once

#include "bus/machine_face.h"
#include "bus/options.h"
#include "bus/published.h"
#include "model/container_command.h"

#include <org.virtbus1.Container_adaptor.h>
#include <org.virtbus1.Container_properties.h>

#include <memory>
#include <string>
#include <vector>

namespace virtbus::bus {

class ContainerObject final
    : public Published<ContainerObject, org::virtbus1::Container_adaptor, org::virtbus1::Container_properties>,
      public MachineFace {
public:
    ContainerObject(Services services, std::shared_ptr<virtbus::Hypervisor> hypervisor, Jobs& jobs,
                    std::shared_ptr<ContainerTool> tool, MachinePtr machine);

    /// Shows `after`, and announces which properties differ.
    void show(const MachinePtr& after);

private:
    friend org::virtbus1::Container_properties;

    [[nodiscard]] Details details() const override { return about(*hypervisor_, *machine_); }
    void RunCommand(sdbus::Result<sdbus::ObjectPath>&& result, std::vector<std::string> argv, sdbus::UnixFd input,
                    sdbus::UnixFd output, sdbus::UnixFd errors, VariantMap options) override;

    bool SharesHostKernel() override { return true; }
    std::string Root() override { return machine_->root; }
    std::vector<std::string> Init() override { return machine_->init; }

    std::shared_ptr<ContainerTool> tool_;
};

}  // namespace virtbus::bus
