// SPDX-License-Identifier: LGPL-2.1-or-later
// What a Linux kernel's command line says of the system's machine-id, read as systemd reads it: words may be quoted, as
// a whole or in part, and dashes in a key count as underscores. Pure functions.
#pragma once

#include "model/machine_id.h"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace virtbus {

/// What systemd is to take at each boot, whatever /etc/machine-id holds: an id, the firmware's, or neither. That of the
/// firmware is the UUID of a VM; systemd takes it since 257, and older ones ignore the word.
struct KernelMachineId {
    std::optional<MachineId> id;  ///< of a guest's kernel confidential
    bool firmware = false;

    [[nodiscard]] bool is_set() const { return id || firmware; }
    bool operator==(const KernelMachineId&) const = default;
};

/// Of several words that set it the last that sets one.
KernelMachineId kernel_machine_id(std::string_view command_line);

/// How long the key is, with its "=", if `text` begins with one that sets the machine-id; else 0.
std::size_t machine_id_key_length(std::string_view text);

/// Without the words that would give the system a machine-id; else as it is.
std::string without_machine_id(std::string_view command_line);

}  // namespace virtbus
