// SPDX-License-Identifier: LGPL-2.1-or-later
// The names of objects, as far as jobs and errors have to know them; bus/paths.cpp turns them into paths.
#pragma once

#include "base/uuid.h"

#include <compare>
#include <string>
#include <variant>

namespace virtbus {

struct MachineRef {
    std::string hypervisor;
    Uuid uuid;

    auto operator<=>(const MachineRef&) const = default;
};

struct PoolRef {
    std::string hypervisor;
    std::string name;

    auto operator<=>(const PoolRef&) const = default;
};

struct ImageRef {
    std::string hypervisor;
    std::string pool;
    std::string name;

    auto operator<=>(const ImageRef&) const = default;
};

/// This host, as one that has a machine-id.
struct HostRef {
    auto operator<=>(const HostRef&) const = default;
};

using ObjectRef = std::variant<MachineRef, PoolRef, ImageRef, HostRef>;

/// The name of the hypervisor that it is on; "" for this host.
std::string hypervisor_of(const ObjectRef& object);

/// For people and the log, such as "image default/web.qcow2".
std::string to_string(const ObjectRef& object);

}  // namespace virtbus
