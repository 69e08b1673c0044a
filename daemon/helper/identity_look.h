// SPDX-License-Identifier: LGPL-2.1-or-later
// What was found at the two paths of a guest's machine-id, and in its boot entries. One thread.
#pragma once

#include "helper/boot_entries.h"
#include "helper/guest_files.h"
#include "model/identity_files.h"

#include <string>
#include <vector>

namespace virtbus {

inline const std::string guest_etc_path = "/etc/machine-id";
inline const std::string guest_dbus_path = "/var/lib/dbus/machine-id";

struct IdFileFound {
    FileFacts itself;
    FileFacts target;   ///< of what it leads to
    IdContent content;  ///< state missing where there is nothing, invalid where it is no file of an id
};

struct IdentityLook {
    IdFileFound etc;
    IdFileFound dbus;
    DbusState dbus_state = DbusState::unknown;
    std::vector<BootOverride> overrides;
};

/// Error unsupported_guest, which names what, where etc is nothing that could hold an id.
IdentityLook look_at_identity(GuestFiles& files);

}  // namespace virtbus
