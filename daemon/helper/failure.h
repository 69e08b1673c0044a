// SPDX-License-Identifier: LGPL-2.1-or-later
// How the helper's failures become Errors. Its one thread.
#pragma once

#include "model/error.h"

#include <string>
#include <string_view>

namespace virtbus {

/// "Cannot <act>: <what errno `number` means>"; no_space, no_such_image or failed.
Error system_failure(const std::string& act, int number);

/// The same of what qemu-img wrote on standard error; no_space, in_use or failed.
Error qemu_img_failure(const std::string& act, std::string_view errors);

}  // namespace virtbus
