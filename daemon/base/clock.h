// SPDX-License-Identifier: LGPL-2.1-or-later
// The time as D-Bus properties give it.
#pragma once

#include <chrono>
#include <cstdint>

namespace virtbus {

/// Microseconds since 1970.
inline std::uint64_t now_usec() {
    const auto since = std::chrono::system_clock::now().time_since_epoch();
    return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(since).count());
}

}  // namespace virtbus
