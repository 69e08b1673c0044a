// SPDX-License-Identifier: LGPL-2.1-or-later
// libvirt's domain XML → Machine. Pure functions on text, any thread: whatever the text, they end soon with a Machine
// whose strings are UTF-8, or with Error invalid_xml.
#pragma once

#include "model/machine.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace virtbus {

/// All of a machine that its domain XML tells. State, Autostart and the like are not in it, and keep their defaults.
Machine read_domain(std::string_view xml);

/// Its disks alone.
std::vector<Disk> read_disks(std::string_view xml);

/// What Machine::definition is made from the definition's XML with: 64-bit FNV-1a. Not against malice, which could as
/// well change the definition right after it was compared.
std::uint64_t definition_digest(std::string_view xml);

}  // namespace virtbus
