// SPDX-License-Identifier: LGPL-2.1-or-later
#include "bus/machine_objects.h"

namespace virtbus::bus {

MachineObjects::MachineObjects(Faces faces) : PublishedGroup(parts_of(faces)), faces_(std::move(faces)) {}

PublishedGroup::Parts MachineObjects::parts_of(const Faces& faces) {
    Parts parts{faces.machine, faces.id};
    if (faces.virtual_machine) parts.push_back(faces.virtual_machine);
    if (faces.container) parts.push_back(faces.container);
    return parts;
}

void MachineObjects::show(const MachinePtr& after) {
    faces_.machine->show(after);
    if (faces_.virtual_machine) faces_.virtual_machine->show(after);
    if (faces_.container) faces_.container->show(after);
}

}  // namespace virtbus::bus
