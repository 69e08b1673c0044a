// SPDX-License-Identifier: LGPL-2.1-or-later
// The machine-id of a system whose root is a directory of this host: this host's own, or a container's. There are two
// files, /etc/machine-id (here: etc), which systemd reads, and /var/lib/dbus/machine-id (here: dbus), which libdbus and
// GLib read first; it should be a link to the other. No link leads out of the directory (SystemRoot). Whoever changes
// the files holds a lock of the root directory; a killed one may leave ".machine-id.virtbus" beside a file, which the
// next that changes something removes. Blocks; one thread.
#pragma once

#include "model/machine_id.h"
#include "model/system_root.h"

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
    unknown,  ///< nobody has looked
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
    IdContent dbus;               ///< what the dbus path leads to
    std::optional<MachineId> id;  ///< systemd's
    bool consistent = false;      ///< whether systemd, libdbus and GLib would all return `id`
    /// Why it cannot be changed for good: mount-point, tmpfs, read-only (also: immutable), hard-link (a file has a name
    /// beside these two: a system that was copied by links would be changed with this one).
    std::vector<std::string> obstacles;
};

struct IdFileLook;

/// What the two files come to, as they were found; `is_link`: dbus leads to etc. Obstacles are not looked for.
IdentityReading judge_id_files(const IdFileLook& etc, const IdFileLook& dbus, bool is_link);

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
    /// As `dbus-uuidgen --ensure`, but two at once always agree: a file comes into being with its content, and only
    /// where there is none. What is there is never replaced, but a link to nothing, and for IdFile::standard a dbus
    /// file without an id. So, unlike with dbus-uuidgen, a file of more than 1 MiB, or one that may not be read, stays,
    /// and is Error failed; and a FIFO is too, where dbus-uuidgen waits forever.
    Ensured ensure(IdFile file);

    /// Makes dbus a link to etc, if it is missing or has the same id; Error invalid_state otherwise. False: it was.
    bool link_dbus();

    /// Gives the system another id: etc is replaced in one step, or made, and dbus too if it is a file of its own; read
    /// back. Error invalid_state for an obstacle. For a system that runs: nobody ever sees an empty file.
    void replace(const MachineId& id);

    /// The same for a system that does not run: the files are written in place, and keep owner, mode and labels; what
    /// was there is put back when the write fails. Error invalid_state for an obstacle other than tmpfs (nothing of a
    /// system that does not run is more lasting than its root), failed when it is no regular file, no_space.
    void assign(const MachineId& id);

    /// Makes it a template: etc becomes empty, or the word "uninitialized"; dbus becomes a link if it is a file. Errors
    /// as assign().
    void seal(bool uninitialized);

private:
    void verify(const MachineId& id) const;

    SystemRoot root_;
};

}  // namespace virtbus
