// SPDX-License-Identifier: LGPL-2.1-or-later
// What virtbusctl says about a hypervisor.
#pragma once

#include <string>

#include "values.h"

namespace virtbusctl {

/// All about it, from its properties.
[[nodiscard]] std::string hypervisor_text(const Json& hypervisor);

/// Its state in a few words, with the reason: "failed: connection refused".
[[nodiscard]] std::string connection_text(const Json& hypervisor);

}  // namespace virtbusctl
