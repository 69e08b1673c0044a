// SPDX-License-Identifier: LGPL-2.1-or-later
// The configuration file.
#include "fuzz_target.h"

#include "config.h"

#include <string>

namespace virtbus::fuzz {

void read_anything(std::string_view input) {
    Config config;
    try {
        read_settings(std::string(input), config);
    } catch (const ConfigError& error) {
        require(*error.what() != '\0', "an error says what is wrong");
        return;
    }
    require(config.keepalive_interval > 0 && config.keepalive_count > 0, "a dead hypervisor is noticed");
    require(config.hypervisors.poll_interval.count() > 0, "a poll takes its time");
    for (const auto& [name, uri] : config.hypervisors.uris) require(!name.empty(), "a hypervisor has a name");
}

}  // namespace virtbus::fuzz
