// SPDX-License-Identifier: LGPL-2.1-or-later
// Text that comes from elsewhere, made fit for a terminal: whoever names a machine must not drive the terminal of
// whoever lists it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace virtbusctl {

/// One line: control characters, what turns the direction of writing, and broken UTF-8 become \n, \x1b, \u202e.
[[nodiscard]] std::string printable(std::string_view text);

/// Several lines: as printable(), but a line feed stays one, followed by `indent`.
[[nodiscard]] std::string printable_lines(std::string_view text, std::string_view indent = "");

/// How many columns of a terminal a printable text takes.
[[nodiscard]] std::size_t display_width(std::string_view text);

/// A printable text, cut to at most so many columns.
[[nodiscard]] std::string cut(std::string_view text, std::size_t columns);

}  // namespace virtbusctl
