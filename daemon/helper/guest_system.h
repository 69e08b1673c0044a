// SPDX-License-Identifier: LGPL-2.1-or-later
// Finds the one Linux system on a machine's disks, and mounts it in the appliance. One thread.
#pragma once

#include "helper/guest_appliance.h"

#include <string>

namespace virtbus {

/// What it is called; "" if it does not say. Error unsupported_guest, which names what, if there is no system, or more
/// than one, or it is no Linux, or hibernates.
std::string mount_guest_system(GuestAppliance& appliance);

/// What a system's os-release says that it is, for people: "" if it says nothing.
std::string system_name(GuestFiles& files);

}  // namespace virtbus
