// SPDX-License-Identifier: LGPL-2.1-or-later
// The two files of a system's identity as they are: what is in them, which of them are one, what stands in the way of a
// change. The eyes of IdentityFiles. Blocks; one thread.
#pragma once

#include "model/machine_id.h"
#include "model/system_root.h"

#include <optional>
#include <string>
#include <vector>

namespace virtbus {

inline constexpr auto etc_id_path = "/etc/machine-id";
inline constexpr auto dbus_id_path = "/var/lib/dbus/machine-id";

/// A file as libdbus finds it.
struct IdFileLook {
    enum class Kind {
        content,  ///< read; also a device of no size, as libdbus reads it
        missing,
        dangling,  ///< a link to nothing, or to itself
        refused,   ///< what is not read
    };
    Kind kind = Kind::refused;
    IdContent content;
    std::string failure;  ///< in dbus-uuidgen's words, if there is no id that libdbus takes
};

IdFileLook look_at_id(const SystemRoot& root, const std::string& path);

/// One of the two, for who wants to change it: where it is in the end, and what is there.
struct IdTarget {
    Place place;
    std::optional<NamedFile> file;  ///< no link
};

struct IdTargets {
    IdTarget etc;
    /// If there is a dbus file that is not the other one: by its own name, or by a link to a file that holds an id.
    std::optional<IdTarget> dbus;
    bool dbus_is_link = false;  ///< to the place of the other, whether or not something is there

    /// Whether the two have one content by hard links.
    [[nodiscard]] bool are_one_file() const { return etc.file && dbus && dbus->file && etc.file->is(*dbus->file); }
};

/// Nothing if etc is nowhere: no such directory, a link in circles. errno says why.
std::optional<IdTargets> find_id_targets(const SystemRoot& root);

/// The words of IdentityReading::obstacles.
std::vector<std::string> id_obstacles(const IdTargets& targets);

}  // namespace virtbus
