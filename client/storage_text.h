// SPDX-License-Identifier: LGPL-2.1-or-later
// The properties of an image or a pool as a page for people, and what came of a check.
#pragma once

#include <map>
#include <string>

#include "values.h"

namespace virtbusctl {

/// `image`: all properties of org.virtbus1.Image; `machines`: the names of machines by path.
[[nodiscard]] std::string image_text(const Json& image, const std::map<std::string, std::string>& machines);

/// `pool`: all properties of org.virtbus1.Pool.
[[nodiscard]] std::string pool_text(const Json& pool);

/// "consistent", "inconsistent: 2 corruptions, 1 leaked cluster". `result`: of a job of kind check.
[[nodiscard]] std::string check_text(const Json& result);

}  // namespace virtbusctl
