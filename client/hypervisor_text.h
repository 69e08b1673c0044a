// SPDX-License-Identifier: LGPL-2.1-or-later
// What virtbusctl says about a hypervisor, and what it can be asked for; all from its properties.
#pragma once

#include <string>
#include <string_view>

#include "values.h"

namespace virtbusctl {

/// All about it.
[[nodiscard]] std::string hypervisor_text(const Json& hypervisor);

/// Its state in a few words, with the reason: "failed: connection refused".
[[nodiscard]] std::string connection_text(const Json& hypervisor);

/// Whether it has pools and images.
[[nodiscard]] bool serves_pools(const Json& hypervisor);
/// Whether its machines are containers, or others are.
[[nodiscard]] bool has_containers(const Json& hypervisor);
[[nodiscard]] bool has_virtual_machines(const Json& hypervisor);
/// Whether networks are made there when nobody says where: libvirt's drivers share those of their host, and the ones
/// of containers need not be asked then.
[[nodiscard]] bool is_home_of_networks(const Json& hypervisor);

/// Whether these URIs are of one libvirt, as qemu:///system and lxc:///system are: only the drivers differ.
[[nodiscard]] bool same_libvirt(std::string_view uri, std::string_view other);

}  // namespace virtbusctl
