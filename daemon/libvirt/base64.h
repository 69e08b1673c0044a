// SPDX-License-Identifier: LGPL-2.1-or-later
// Base64, RFC 4648: the form in which a guest agent carries bytes. Pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace virtbus {

std::string to_base64(std::string_view bytes);

/// Nothing for what to_base64() does not make: other characters, line breaks, other padding, bits that do not count.
std::optional<std::string> from_base64(std::string_view text);

}  // namespace virtbus
