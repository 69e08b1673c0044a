// SPDX-License-Identifier: LGPL-2.1-or-later
// CreateMachine's a{sv} as a MachineSpec: keys and types here, the rules about values in model/machine_spec.h.
#pragma once

#include "bus/options.h"
#include "model/machine_spec.h"

namespace virtbus::bus {

/// Error invalid_args for an unknown key, a wrong type or a missing name; the text begins with the key.
MachineSpec read_machine_spec(VariantMap values);

}  // namespace virtbus::bus
