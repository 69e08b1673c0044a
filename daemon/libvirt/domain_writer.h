// SPDX-License-Identifier: LGPL-2.1-or-later
// MachineSpec → libvirt's domain XML, with the defaults that Hypervisor.CreateMachine documents. Pure functions, any
// thread; pugixml does the escaping.
#pragma once

#include "libvirt/capabilities.h"
#include "model/machine_spec.h"

#include <string>

namespace virtbus {

/// Where a machine shall run.
struct Host {
    Capabilities capabilities;
    bool session = false;  ///< libvirt's daemon of one user: it cannot set up networks
};

/// The XML for `spec` under `uuid`; every disk with an image has its format. Error not_supported when the host has no
/// such machines.
std::string write_domain(const MachineSpec& spec, const Uuid& uuid, const Host& host);

}  // namespace virtbus
