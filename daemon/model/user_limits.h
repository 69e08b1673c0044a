// SPDX-License-Identifier: LGPL-2.1-or-later
// How much of virtbus one user may have at a time, so that enough is left for the others. Root has no limits.
#pragma once

#include <cstddef>
#include <limits>

namespace virtbus {

/// As configured: the setting "limits".
struct Limits {
    std::size_t calls = 64;      ///< under way
    std::size_t jobs = 16;       ///< running
    std::size_t machines = 100;  ///< owned

    /// Where the daemon is the user's own.
    static Limits none() {
        constexpr auto any = std::numeric_limits<std::size_t>::max();
        return {any, any, any};
    }
};

}  // namespace virtbus
