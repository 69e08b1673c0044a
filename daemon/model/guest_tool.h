// SPDX-License-Identifier: LGPL-2.1-or-later
// Work on what is inside a machine's disks, or a container's root, while it does not run: helper/ implements it by
// programs of its own, since a guest's file systems are never trusted; tests fake it. The functions block, for 10 s and
// more, and throw Error; they are called on worker threads, several at once.
#pragma once

#include "model/identity_files.h"
#include "model/image_tool.h"
#include "model/transfer.h"

#include <optional>
#include <string>
#include <vector>

namespace virtbus {

/// Where a guest's system is: on disks, or below a directory of this host.
struct GuestSystem {
    std::vector<ImageFile> disks;  ///< in the machine's order; only those that may be written
    std::string root;              ///< of a container; then there are no disks
};

/// What was found in it.
struct GuestIdentity {
    IdState state = IdState::unknown;
    DbusState dbus_state = DbusState::unknown;
    std::optional<MachineId> id;  ///< what systemd would boot with
    bool consistent = false;      ///< whether systemd, libdbus and GLib would all return `id`
    std::vector<std::string>
        overrides;                 ///< what sets an id at boot, such as "loader-entry:/boot/loader/entries/a.conf"
    std::string operating_system;  ///< for people; "" if not known
    std::string hostname;
};

/// What is to be changed in it. All of it or nothing, and read back.
struct IdentityChange {
    enum class Kind { assign, seal };
    Kind kind = Kind::assign;
    std::optional<MachineId> id;  ///< for assign
    bool uninitialized = false;   ///< for seal: the word instead of an empty file, so that a first boot follows
    bool boot_entries = true;     ///< rewrite entries that set the old id; else they are Error unsupported_guest
    std::optional<std::string> hostname;
    std::optional<MachineId> expected;  ///< Error stale_generation when it has another id
};

class GuestTool {
public:
    virtual ~GuestTool() = default;

    /// Errors, of both: unsupported_guest, which names what (no Linux, no system or several, encrypted, hibernated, an
    /// override that cannot be rewritten, no regular file where the id should be), no_space, in_use (somebody has a
    /// disk open), not_supported (no libguestfs that works here), cancelled.
    virtual GuestIdentity read_identity(const GuestSystem& system, Transfer& transfer) = 0;
    /// What it is afterwards.
    virtual GuestIdentity change_identity(const GuestSystem& system, const IdentityChange& change,
                                          Transfer& transfer) = 0;
};

}  // namespace virtbus
