// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/pool.h"

#include "base/utf8.h"
#include "model/machine_spec.h"

#include <cstdlib>

namespace virtbus {

std::string_view to_string(PoolState state) {
    switch (state) {
        case PoolState::inactive: return "inactive";
        case PoolState::building: return "building";
        case PoolState::running: return "running";
        case PoolState::degraded: return "degraded";
        case PoolState::inaccessible: return "inaccessible";
    }
    return "";
}

void clean_text(Pool& pool) {
    for (auto* text : {&pool.name, &pool.type, &pool.path}) *text = to_utf8(*text);
}

PoolSpec default_pool(bool session) {
    if (!session) return {"default", "/var/lib/libvirt/images", true};
    const char* data = std::getenv("XDG_DATA_HOME");
    const char* home = std::getenv("HOME");
    const std::string base =
        data != nullptr && *data == '/' ? data : std::string(home != nullptr ? home : "/") + "/.local/share";
    return {"default", base + "/libvirt/images", true};
}

// libvirt takes the same for both.
void check_pool_name(std::string_view key, std::string_view name) { check_name(key, name); }

}  // namespace virtbus
