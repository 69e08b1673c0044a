// SPDX-License-Identifier: LGPL-2.1-or-later
// The directories of the host that callers may name something in, as the administrator has them. The helpers that have
// root's rights look at the same: what they may touch is not virtbusd's to say.
#pragma once

#include "model/machine_spec.h"

#include <filesystem>
#include <string>
#include <vector>

namespace virtbus {

inline constexpr const char* default_config_file = "/etc/virtbus/virtbus.json";

struct AllowedDirectories {
    std::vector<std::filesystem::path> files{"/boot", "/var/lib/libvirt/images", "/var/lib/libvirt/boot"};
    std::vector<std::filesystem::path> roots{"/var/lib/libvirt/filesystems", "/var/lib/machines"};  ///< of containers
};

/// What a configuration file says, or the defaults where there is none. Error failed for one that cannot be read.
AllowedFiles read_allowed_files(const std::string& config_file);

}  // namespace virtbus
