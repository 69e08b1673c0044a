// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/driver_features.h"

#include "model/error.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace virtbus {

namespace {

struct FeatureWord {
    Feature feature;
    std::string_view word;
    std::string_view act;  ///< what cannot be done without it
};

constexpr std::array feature_words{
    FeatureWord{Feature::define, "define", "define machines"},
    FeatureWord{Feature::reset, "reset", "reset machines"},
    FeatureWord{Feature::reboot, "reboot", "reboot machines"},
    FeatureWord{Feature::pause, "pause", "pause and resume machines"},
    FeatureWord{Feature::save, "save", "save the memory of machines"},
    FeatureWord{Feature::autostart, "autostart", "start machines with the host"},
    FeatureWord{Feature::rename, "rename", "rename machines"},
    FeatureWord{Feature::console, "console", "open consoles"},
    FeatureWord{Feature::memory, "memory", "change the memory of machines"},
    FeatureWord{Feature::vcpus, "vcpus", "change the virtual CPUs of machines"},
    FeatureWord{Feature::metadata, "metadata", "keep titles, descriptions and tags"},
    FeatureWord{Feature::jobs, "jobs", "tell how far its jobs are, or abort them"},
    FeatureWord{Feature::agent, "agent", "talk to guest agents"},
    FeatureWord{Feature::resize_online, "resize-online", "resize the disks of running machines"},
    FeatureWord{Feature::run_commands, "run-commands", "run commands in containers"},
    FeatureWord{Feature::pools, "pools", "serve pools and images"},
    FeatureWord{Feature::networks, "networks", "serve networks"},
    FeatureWord{Feature::events, "events", "tell what happens to machines"},
};

template <typename... Features>
constexpr unsigned mask(Features... features) {
    return ((1U << static_cast<unsigned>(features)) | ...);
}

constexpr unsigned all_features = (1U << feature_words.size()) - 1;
constexpr unsigned all_of_machines = all_features & ~mask(Feature::run_commands);

struct DriverFeatures {
    std::string_view driver;  ///< virConnectGetType() in lower case
    unsigned features;
};

using F = Feature;

// Sources: of qemu, xen, lxc, test, esx, vmware, vbox and openvz the functions of the drivers as Debian 12 builds them
// (libvirt 9.0.0), where a function's name stands for the feature: DomainDefineXMLFlags, DomainReset, DomainReboot,
// DomainSuspend, DomainManagedSave, DomainSetAutostart, DomainRename, DomainOpenConsole, DomainSetMemoryFlags,
// DomainSetVcpusFlags, DomainSetMetadata, DomainAbortJobFlags, the agent's channel, DomainBlockResize; and
// DomainLxcOpenNamespace, which only lxc has. Those of qemu and test are tried by the tests. The others, which Debian
// does not build, are libvirt's word: its table of supported functions, https://libvirt.org/hvsupport.html. Pools and
// networks are the daemon's own wherever there is one; containers have no use for pools, which are those of the virtual
// machines beside them.
constexpr std::array feature_table{
    DriverFeatures{"qemu", all_of_machines},
    DriverFeatures{"xen", mask(F::define, F::reboot, F::pause, F::save, F::autostart, F::console, F::memory, F::vcpus,
                               F::metadata, F::pools, F::networks, F::events)},
    DriverFeatures{"lxc", mask(F::define, F::reboot, F::pause, F::autostart, F::console, F::memory, F::metadata,
                               F::run_commands, F::networks, F::events)},
    DriverFeatures{"test", mask(F::define, F::reset, F::reboot, F::pause, F::save, F::autostart, F::rename, F::memory,
                                F::vcpus, F::metadata, F::pools, F::networks, F::events)},
    DriverFeatures{"esx",
                   mask(F::define, F::reboot, F::pause, F::autostart, F::memory, F::vcpus, F::pools, F::networks)},
    DriverFeatures{"vmware", mask(F::define, F::reboot, F::pause)},
    DriverFeatures{"vbox", mask(F::define, F::reboot, F::pause, F::vcpus, F::pools, F::networks)},
    DriverFeatures{"openvz", mask(F::define, F::reboot, F::pause, F::autostart, F::vcpus)},
    DriverFeatures{"hyper-v", mask(F::define, F::reset, F::reboot, F::pause, F::save, F::autostart, F::memory, F::vcpus,
                                   F::networks)},
    DriverFeatures{"bhyve",
                   mask(F::define, F::reboot, F::autostart, F::console, F::metadata, F::pools, F::networks, F::events)},
    DriverFeatures{"vz", mask(F::define, F::reset, F::reboot, F::pause, F::save, F::autostart, F::memory, F::vcpus,
                              F::metadata, F::jobs, F::pools, F::networks, F::events)},
    DriverFeatures{"ch", mask(F::define, F::reboot, F::pause, F::console, F::vcpus, F::pools, F::networks)},
};

const DriverFeatures* find_driver(std::string_view driver) {
    const auto* found = std::find_if(feature_table.begin(), feature_table.end(),
                                     [&](const auto& entry) { return entry.driver == driver; });
    return found == feature_table.end() ? nullptr : found;
}

unsigned features_mask(const HypervisorInfo& info) {
    const auto* driver = find_driver(info.driver);
    const unsigned known = driver == nullptr ? all_features : driver->features;
    // Its events it has told us itself.
    return info.has_events ? known | mask(Feature::events) : known & ~mask(Feature::events);
}

std::vector<Feature> features_in(unsigned has) {
    std::vector<Feature> features;
    for (const auto& entry : feature_words)
        if ((has & mask(entry.feature)) != 0) features.push_back(entry.feature);
    return features;
}

}  // namespace

std::string_view to_string(Feature feature) { return feature_words.at(static_cast<std::size_t>(feature)).word; }

std::vector<Feature> known_features(std::string_view driver) {
    const auto* found = find_driver(driver);
    return features_in(found == nullptr ? 0 : found->features);
}

std::vector<Feature> features_of(const HypervisorInfo& info) {
    return features_in(info.driver.empty() ? 0 : features_mask(info));
}

bool offers(const HypervisorInfo& info, Feature feature) {
    return info.driver.empty() || (features_mask(info) & mask(feature)) != 0;
}

void require_feature(const std::string& hypervisor, const HypervisorInfo& info, Feature feature) {
    if (offers(info, feature)) return;
    throw Error(Code::not_supported, fmt::format("hypervisor {}: libvirt's driver for it, {}, cannot {}", hypervisor,
                                                 info.driver, feature_words.at(static_cast<std::size_t>(feature)).act));
}

}  // namespace virtbus
