// SPDX-License-Identifier: LGPL-2.1-or-later
// What virtbusd is told: the command line, and the configuration file below it.
#pragma once

#include "base/log.h"
#include "helper/helper_place.h"
#include "model/allowed_files.h"
#include "model/hypervisors.h"
#include "model/user_limits.h"

#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

namespace virtbus {

struct Config {
    bool user = false;  ///< session bus and qemu:///session
    ConfiguredHypervisors hypervisors;
    int keepalive_interval = 5;                   ///< seconds between libvirt's keepalive messages
    unsigned keepalive_count = 3;                 ///< how many may stay unanswered
    AllowedDirectories allowed;                   ///< where callers may name something
    std::filesystem::path credentials_directory;  ///< files of users and passwords, named after hypervisors
    std::filesystem::path given_credentials;      ///< the same, from systemd
    std::filesystem::path state_directory;        ///< where virtbusd keeps what must last
    HelperPlace image_helper{""};                 ///< virtbus-helper, for images
    HelperPlace host_helper{""};                  ///< virtbus-helper, for this host's machine-id
    HelperPlace guest_helper{""};                 ///< virtbus-guest-helper
    HelperPlace container_helper{""};             ///< virtbus-container-helper
    std::string root = "/";                       ///< of the system whose machine-id is this host's
    Limits limits;                                ///< of each user but root
    log::Level log_level = log::Level::info;
};

/// Something is wrong with the configuration; what() names the place.
class ConfigError : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// Puts the settings of a JSON text into `config`; an unknown key or a wrong type is a ConfigError.
void read_settings(const std::string& json, Config& config);

/// Reads the command line, and the file that it or the default names. May end the process: --help, --version, a wrong
/// option.
Config read_config(int argc, char** argv);

}  // namespace virtbus
