// SPDX-License-Identifier: LGPL-2.1-or-later
// Where each kind of object stands on the bus: the only place that knows how a path is made.
#pragma once

#include "base/uuid.h"
#include "model/object_ref.h"

#include <sdbus-c++/sdbus-c++.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace virtbus::bus {

inline constexpr const char* bus_name = "org.virtbus1";
inline constexpr const char* root_path = "/org/virtbus1";
inline constexpr const char* no_object = "/";

/// A name as one element of a path: what a path cannot hold is escaped, sd_bus_path_encode(3).
sdbus::ObjectPath hypervisor_path(std::string_view name);
sdbus::ObjectPath machine_path(std::string_view hypervisor, const Uuid& uuid);
/// The same, of many machines of a hypervisor with this path.
sdbus::ObjectPath machine_path_below(const sdbus::ObjectPath& hypervisor, const Uuid& uuid);
sdbus::ObjectPath pool_path(std::string_view hypervisor, std::string_view name);
sdbus::ObjectPath image_path(std::string_view hypervisor, std::string_view pool, std::string_view name);
sdbus::ObjectPath network_path(std::string_view hypervisor, std::string_view name);
sdbus::ObjectPath object_path(const ObjectRef& object);
/// The image that a path of that form names; nothing for another path.
std::optional<ImageRef> image_ref(const sdbus::ObjectPath& path);
std::optional<PoolRef> pool_ref(const sdbus::ObjectPath& path);
/// Job 0 is none: "/".
sdbus::ObjectPath job_path(std::uint64_t number);
/// The job that a path of that form names; 0 for another path.
std::uint64_t job_number(std::string_view path);

}  // namespace virtbus::bus
