// SPDX-License-Identifier: LGPL-2.1-or-later
// What calls about machine-ids have in common: an id as an argument. Main thread only.
#pragma once

#include "model/machine_id.h"

#include <string>
#include <string_view>

namespace virtbus::bus {

/// Error invalid_args, naming `key`.
MachineId read_machine_id(std::string_view key, const std::string& text);

}  // namespace virtbus::bus
