// SPDX-License-Identifier: LGPL-2.1-or-later
// All that a machine shows at its path: org.virtbus1.Machine and MachineId, and VirtualMachine or Container as it is
// the one or the other, which never changes. Main thread only.
#pragma once

#include "bus/container_object.h"
#include "bus/machine_id_object.h"
#include "bus/machine_object.h"
#include "bus/published.h"
#include "bus/virtual_machine_object.h"

#include <memory>

namespace virtbus::bus {

class MachineObjects final : public PublishedGroup {
public:
    /// Those that do not apply are null.
    struct Faces {
        std::shared_ptr<MachineObject> machine;
        std::shared_ptr<MachineIdObject> id;
        std::shared_ptr<VirtualMachineObject> virtual_machine;
        std::shared_ptr<ContainerObject> container;
    };

    explicit MachineObjects(Faces faces);

    /// Shows `after`, and announces which properties differ.
    void show(const MachinePtr& after);
    void show_identity() { faces_.id->show(); }
    void tell(const LifecycleEvent& event, std::uint64_t sequence) { faces_.machine->tell(event, sequence); }
    [[nodiscard]] Error gone() const override { return faces_.machine->gone(); }

private:
    static Parts parts_of(const Faces& faces);

    Faces faces_;
};

}  // namespace virtbus::bus
