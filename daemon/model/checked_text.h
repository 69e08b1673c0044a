// SPDX-License-Identifier: LGPL-2.1-or-later
// The rules for text that callers give: each refuses with invalid_args, naming `key`.
#pragma once

#include <cstddef>
#include <string_view>

namespace virtbus {

/// UTF-8, of at most so many bytes.
void check_text(std::string_view key, std::string_view text, std::size_t most);
/// The same, without control characters.
void check_line(std::string_view key, std::string_view text, std::size_t most);

}  // namespace virtbus
