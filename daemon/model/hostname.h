// SPDX-License-Identifier: LGPL-2.1-or-later
// What a system may be called, hostname(5).
#pragma once

#include <string_view>

namespace virtbus {

/// Whether it is at most 64 letters, digits, "-" and ".", which make a valid name of DNS.
bool is_hostname(std::string_view name);
/// Error invalid_args if it is none.
void check_hostname(std::string_view name);

}  // namespace virtbus
