// SPDX-License-Identifier: LGPL-2.1-or-later
// A machine's properties as a page for people.
#pragma once

#include <string>

#include "values.h"

namespace virtbusctl {

/// `properties`: all of org.virtbus1.Machine; `hypervisor`: its name.
[[nodiscard]] std::string machine_text(const Json& properties, const std::string& hypervisor);

}  // namespace virtbusctl
