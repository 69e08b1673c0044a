// SPDX-License-Identifier: LGPL-2.1-or-later
// What libvirt's drivers can do of what this API offers: one table. The words are those of Hypervisor.Features in
// org.virtbus1.Hypervisor.xml.
#pragma once

#include "model/hypervisor_info.h"

#include <string>
#include <string_view>
#include <vector>

namespace virtbus {

enum class Feature {
    define,
    reset,
    reboot,
    pause,
    save,
    autostart,
    rename,
    console,
    memory,
    vcpus,
    metadata,
    jobs,
    agent,
    resize_online,
    run_commands,
    pools,
    networks,
    events,
};

std::string_view to_string(Feature feature);

/// What libvirt's driver of that name can do by the table: nothing when it is not there.
std::vector<Feature> known_features(std::string_view driver);
/// What a hypervisor can do. Of a driver that is not in the table nothing is known: it is asked for everything.
std::vector<Feature> features_of(const HypervisorInfo& info);

/// Whether it can, as far as is known: before the first connection nothing is.
bool offers(const HypervisorInfo& info, Feature feature);
/// Error not_supported, naming hypervisor and driver, when it does not.
void require_feature(const std::string& hypervisor, const HypervisorInfo& info, Feature feature);

}  // namespace virtbus
