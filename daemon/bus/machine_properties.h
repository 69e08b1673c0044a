// SPDX-License-Identifier: LGPL-2.1-or-later
// Which properties of org.virtbus1.Machine show which members of the value: what PropertiesChanged is derived from.
#pragma once

#include "bus/changes.h"
#include "bus/options.h"
#include "model/machine.h"

namespace virtbus::bus {

Changes changes_between(const Machine& before, const Machine& after);

/// Devices as the dictionaries of Disks, Interfaces and Graphics: keys that do not apply are left out.
VariantMap to_dictionary(const Disk& disk);
VariantMap to_dictionary(const Interface& interface);
VariantMap to_dictionary(const Graphics& graphics);
VariantMap to_dictionary(const Address& address);

}  // namespace virtbus::bus
