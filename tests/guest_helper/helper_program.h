// SPDX-License-Identifier: LGPL-2.1-or-later
// The program that is tested, and what it starts.
#pragma once

#include "helper/guest_helper_tool.h"

#include <sys/types.h>

#include <string>
#include <vector>

namespace virtbus::test {

/// The path of virtbus-guest-helper, which VIRTBUS_GUEST_HELPER gives.
std::string guest_helper_program();

/// All the processes below this one.
std::vector<pid_t> descendants();
/// Those of them whose program has this in its name.
std::vector<pid_t> descendants(const std::string& name);

}  // namespace virtbus::test
