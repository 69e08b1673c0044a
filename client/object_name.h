// SPDX-License-Identifier: LGPL-2.1-or-later
// Pools, images and networks by name: their paths hold their names, so nobody has to be asked, and what is gone has a
// name still.
#pragma once

#include <map>
#include <optional>
#include <string>

namespace virtbusctl {

/// Where the machine-id of this host is, and what it is called.
inline constexpr const char* host_id_path = "/org/virtbus1/machine_id";
inline constexpr const char* host_name = "this host";

/// As the path says it; `image` is empty for a pool.
struct StorageName {
    std::string hypervisor;
    std::string pool;
    std::string image;
};

/// Nothing for the path of anything but a pool or an image.
[[nodiscard]] std::optional<StorageName> storage_name(const std::string& path);

/// What follows a path's last slash: a job's number, a machine's UUID.
[[nodiscard]] std::string last_part(const std::string& path);

/// "default/web.qcow2", "default" for a pool or a network, for a hypervisor "qemu", for this host's machine-id "this
/// host", for a machine its UUID; else the path itself. Not made printable.
[[nodiscard]] std::string short_name(const std::string& path);

/// "image default/web.qcow2", "pool default", "network default", printable; "" for something else.
[[nodiscard]] std::string kind_and_name(const std::string& path);

/// What a job works on, or what has a machine-id: a machine by its name in `machines` (by path), else short_name().
[[nodiscard]] std::string subject_name(const std::map<std::string, std::string>& machines, const std::string& path);

}  // namespace virtbusctl
