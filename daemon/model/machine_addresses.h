// SPDX-License-Identifier: LGPL-2.1-or-later
// Asks for the addresses of a running machine, whoever knows them. Main thread only.
#pragma once

#include "base/task.h"
#include "model/hypervisor.h"

#include <memory>
#include <optional>
#include <vector>

namespace virtbus {

/// Asks all who may know, and lets the mirror show what they say; what fails of them is left out. Or asks `only` this
/// one, and throws what it throws: agent_unresponsive when there is no connection to the agent. invalid_state when the
/// machine does not run.
Task<std::vector<Address>> find_addresses(std::shared_ptr<Hypervisor> hypervisor, MachinePtr machine,
                                          std::optional<AddressSource> only);

}  // namespace virtbus
