// SPDX-License-Identifier: LGPL-2.1-or-later
// How --help looks: CLI11's page with less noise.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>

namespace virtbusctl {

[[nodiscard]] std::shared_ptr<CLI::FormatterBase> help_formatter();

/// Below the page of the program, and of the verbs that take sizes.
inline constexpr const char* sizes_help = "A SIZE is 512M, 1.5G, 64K, … in powers of 1024.";
inline constexpr const char* times_help = "A TIME is 30s, 5min, 1h, …; a bare number is seconds.";

}  // namespace virtbusctl
