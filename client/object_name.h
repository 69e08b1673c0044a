// SPDX-License-Identifier: LGPL-2.1-or-later
// Pools and images by name: their paths hold their names, so nobody has to be asked, and what is gone has a name still.
#pragma once

#include <map>
#include <optional>
#include <string>

namespace virtbusctl {

/// As the path says it; `image` is empty for a pool.
struct StorageName {
    std::string hypervisor;
    std::string pool;
    std::string image;
};

/// Nothing for the path of anything but a pool or an image.
[[nodiscard]] std::optional<StorageName> storage_name(const std::string& path);

/// "default/web.qcow2", "default", for a hypervisor "qemu"; else the path itself. Not made printable.
[[nodiscard]] std::string short_name(const std::string& path);

/// "image default/web.qcow2", "pool default", printable; "" for something else.
[[nodiscard]] std::string kind_and_name(const std::string& path);

/// What a job works on: a machine by its name in `machines` (by path), a pool or an image by that in its path.
[[nodiscard]] std::string subject_name(const std::map<std::string, std::string>& machines, const std::string& path);

}  // namespace virtbusctl
