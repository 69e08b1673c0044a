// SPDX-License-Identifier: LGPL-2.1-or-later
#include "bus/machine_properties.h"

namespace virtbus::bus {

Changes machine_changes(const Machine& before, const Machine& after) {
    Changes changes;
    changes.compare("Name", before.name, after.name);
    changes.compare("Kind", before.kind, after.kind);
    changes.compare("Virtualization", before.virtualization, after.virtualization);
    changes.compare("VirtualizationEvidence", before.evidence, after.evidence);
    changes.compare("Acceleration", before.acceleration, after.acceleration);
    changes.compare("State", before.state, after.state);
    changes.compare("StateReason", before.state_reason, after.state_reason);
    changes.compare("StateSinceUSec", before.state_since, after.state_since);
    changes.compare("Persistent", before.persistent, after.persistent);
    changes.compare("Autostart", before.autostart, after.autostart);
    changes.compare("Arch", before.arch, after.arch);
    changes.compare("Vcpus", before.vcpus, after.vcpus);
    changes.compare("MaximumVcpus", before.maximum_vcpus, after.maximum_vcpus);
    changes.compare("Memory", before.memory, after.memory);
    changes.compare("MaximumMemory", before.maximum_memory, after.maximum_memory);
    changes.compare("Interfaces", before.interfaces, after.interfaces);
    changes.compare("Addresses", before.addresses, after.addresses);
    changes.compare("AddressesUSec", before.addresses_found, after.addresses_found);
    changes.compare("OperatingSystem", before.operating_system, after.operating_system);
    changes.compare("Title", before.title, after.title);
    changes.compare("Description", before.description, after.description);
    changes.compare("Tags", before.tags, after.tags);
    changes.compare("Owner", before.owner, after.owner);
    changes.compare("CurrentJob", before.current_job, after.current_job);
    changes.compare("Generation", before.generation, after.generation);
    return changes;
}

}  // namespace virtbus::bus
