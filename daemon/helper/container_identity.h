// SPDX-License-Identifier: LGPL-2.1-or-later
// The machine-id of a container's system, whose root is a directory of this host: no appliance is needed. One thread.
#pragma once

#include "model/guest_tool.h"

#include <string>

namespace virtbus {

/// As GuestTool has it.
GuestIdentity read_container_identity(const std::string& root);
GuestIdentity change_container_identity(const std::string& root, const IdentityChange& change);

}  // namespace virtbus
