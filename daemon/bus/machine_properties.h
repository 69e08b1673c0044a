// SPDX-License-Identifier: LGPL-2.1-or-later
// Which properties of a machine's interfaces show which members of the value: what PropertiesChanged is derived from.
#pragma once

#include "bus/changes.h"
#include "bus/options.h"
#include "model/machine.h"

#include <vector>

namespace virtbus::bus {

/// Those of org.virtbus1.Machine.
Changes machine_changes(const Machine& before, const Machine& after);

/// Devices as the dictionaries of Disks, Interfaces and Graphics: keys that do not apply are left out.
VariantMap to_dictionary(const Disk& disk);
VariantMap to_dictionary(const Interface& interface);
VariantMap to_dictionary(const Graphics& graphics);
VariantMap to_dictionary(const Address& address);

template <typename Device>
std::vector<VariantMap> to_dictionaries(const std::vector<Device>& devices) {
    std::vector<VariantMap> list;
    for (const auto& device : devices) list.push_back(to_dictionary(device));
    return list;
}

}  // namespace virtbus::bus
