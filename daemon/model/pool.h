// SPDX-License-Identifier: LGPL-2.1-or-later
// A pool as the mirror holds it: a plain value. The words are those of org.virtbus1.Pool.xml; sizes are bytes.
#pragma once

#include "base/uuid.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace virtbus {

enum class PoolState { inactive, building, running, degraded, inaccessible };

std::string_view to_string(PoolState state);

struct Pool {
    std::string name;
    Uuid uuid;
    std::string type;  ///< dir, fs, netfs, logical, …
    PoolState state = PoolState::inactive;
    std::string path;  ///< its directory; "" where it has none
    std::uint64_t capacity = 0;
    std::uint64_t allocation = 0;
    std::uint64_t available = 0;
    bool persistent = true;
    bool autostart = false;

    bool operator==(const Pool&) const = default;
};

/// Replaces whatever in its text is not UTF-8.
void clean_text(Pool& pool);

/// What CreatePool is asked for: a pool of type dir.
struct PoolSpec {
    std::string name;
    std::string path;  ///< made if it is not there
    bool autostart = true;
};

/// The pool called "default", where libvirt's tools put it: for a user's session, or for the whole host.
PoolSpec default_pool(bool session);

/// Refuses (invalid_args, naming `key`) what is no name for a pool.
void check_pool_name(std::string_view key, std::string_view name);

}  // namespace virtbus
