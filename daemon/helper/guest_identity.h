// SPDX-License-Identifier: LGPL-2.1-or-later
// A guest's machine-id in its files: /etc/machine-id (here: etc), /var/lib/dbus/machine-id (here: dbus), and what it
// boots with. Read, judged as systemd, libdbus and GLib would, and changed, all of it or nothing. One thread.
#pragma once

#include "helper/guest_files.h"
#include "model/guest_tool.h"

#include <functional>
#include <optional>

namespace virtbus {

struct BootedIdentity {
    std::optional<MachineId> id;
    bool consistent = false;
};

/// What systemd would boot with: what the boot loader says, then etc, then dbus where that is a file of its own. And
/// whether all would agree on it then.
BootedIdentity judge_identity(const IdContent& etc, const IdContent& dbus, DbusState dbus_state,
                              const std::optional<MachineId>& boot_id);

/// Error unsupported_guest, which names what, if there is no regular file where the id should be.
GuestIdentity read_guest_identity(GuestFiles& files);

/// Calls `begin` before anything is changed, once it is known that it can be. If it throws, all is as before.
GuestIdentity change_guest_identity(GuestFiles& files, const IdentityChange& change,
                                    const std::function<void()>& begin);

/// Error invalid_args for one that is none.
void check_identity_change(const IdentityChange& change);

/// Error stale_generation if the guest has another id than was expected.
void check_expected(const IdentityChange& change, const std::optional<MachineId>& found);

/// Error unsupported_guest for a system without systemd: nothing would fill an empty file.
void require_systemd(GuestFiles& files);

}  // namespace virtbus
