// SPDX-License-Identifier: LGPL-2.1-or-later
// The machine-id of a system whose root is a directory of this host: this host's own, or a container's. There are two
// files, /etc/machine-id (here: etc), which systemd reads, and /var/lib/dbus/machine-id (here: dbus), which libdbus and
// GLib read first; it should be a link to the other. No link leads out of the directory: openat2(2) with
// RESOLVE_IN_ROOT. Blocks; one thread.
#pragma once

#include "base/unique_fd.h"
#include "model/machine_id.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace virtbus {

/// Of the file that libdbus reads first.
enum class DbusState {
    link,       ///< a link to the other file
    same,       ///< a file of its own, with the same id
    different,  ///< a file of its own, with another id: libdbus and systemd disagree
    missing,
    empty,
    invalid,
    unknown,    ///< nobody has looked
};

std::string_view to_string(DbusState state);
std::optional<DbusState> to_dbus_state(std::string_view word);

/// Which file dbus-uuidgen(1) is to look at: never a path, so that nobody can name one.
enum class IdFile {
    standard,  ///< dbus, then etc: dbus-uuidgen without a file
    etc,
    dbus,
};

std::optional<IdFile> to_id_file(std::string_view word);  // "", etc, dbus

/// All that is known of the two files.
struct IdentityReading {
    IdContent etc;
    DbusState dbus_state = DbusState::unknown;
    IdContent dbus;                ///< what the dbus path leads to
    std::optional<MachineId> id;   ///< systemd's
    bool consistent = false;       ///< whether systemd, libdbus and GLib would all return `id`
    std::vector<std::string> obstacles;  ///< why it cannot be changed for good: mount-point, tmpfs, read-only, hard-link
};

class IdentityFiles {
public:
    /// `root`: a directory, such as "/". Error failed if it is none.
    explicit IdentityFiles(const std::string& root);

    [[nodiscard]] IdentityReading read() const;

    /// As `dbus-uuidgen --get`: Error failed in its words where there is none that libdbus takes.
    [[nodiscard]] MachineId get(IdFile file) const;

    struct Ensured {
        bool created = false;
        MachineId id;
    };
    /// As `dbus-uuidgen --ensure`, but two at once always agree: a file comes into being with its content, link(2), and
    /// nothing that is there is ever replaced but a dbus file without an id, or a link to nothing. A file that libdbus
    /// does not take stays as it is, and is Error failed, as with dbus-uuidgen.
    Ensured ensure(IdFile file);

    /// Makes dbus a link to etc, if it is missing or has the same id; Error invalid_state otherwise. False: it was.
    bool link_dbus();

    /// Gives the system another id: etc is replaced in one step, or made, and dbus too if it is a file of its own; read
    /// back. Error invalid_state for an obstacle. For a system that runs: nobody ever sees an empty file.
    void replace(const MachineId& id);

    /// The same for a system that does not run: the files are written in place, and keep owner, mode and labels; what
    /// was there is put back when the write fails. Error failed when it is no regular file, or on a full file system.
    void assign(const MachineId& id);

    /// Makes it a template: etc becomes empty, or the word "uninitialized"; dbus becomes a link if it is a file.
    void seal(bool uninitialized);

private:
    UniqueFd root_;
    std::string name_;  // of the root, for messages
};

}  // namespace virtbus
