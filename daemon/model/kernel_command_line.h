// SPDX-License-Identifier: LGPL-2.1-or-later
// What a Linux kernel's command line says of the system's machine-id, read as systemd reads it: words may be quoted, as a
// whole or in part, and dashes in a key count as underscores. Pure functions.
#pragma once

#include <string>
#include <string_view>

namespace virtbus {

/// The id that systemd takes from it at each boot, whatever /etc/machine-id holds, as it is written there: of several the
/// last that is one. "firmware": it takes the firmware's, since systemd 257. "": it sets none.
std::string kernel_machine_id(std::string_view command_line);

/// Without the words that would give the system a machine-id; else as it is.
std::string without_machine_id(std::string_view command_line);

}  // namespace virtbus
