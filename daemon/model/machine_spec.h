// SPDX-License-Identifier: LGPL-2.1-or-later
// What CreateMachine is asked for, and the rules it must obey. The keys and defaults are those of
// Hypervisor.CreateMachine in org.virtbus1.Hypervisor.xml.
#pragma once

#include "base/uuid.h"
#include "model/machine.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace virtbus {

class AllowedFiles;

struct DiskSpec {
    std::string pool;
    std::string volume;
    std::string file;
    std::string format;
    std::string device = "disk";
    std::string bus;               ///< empty: by the device
    std::optional<bool> readonly;  ///< not given: by the device
};

struct InterfaceSpec {
    std::string type;
    std::string network;
    std::string bridge;
    std::string model = "virtio";
    std::string mac;
};

struct MachineSpec {
    std::string name;
    std::uint64_t memory = std::uint64_t{1} << 30;
    std::uint32_t vcpus = 1;
    std::uint32_t maximum_vcpus = 0;  ///< 0: as vcpus
    std::optional<Uuid> uuid;
    std::string arch;  ///< empty: the host's
    std::string machine_type;
    std::string firmware;               ///< empty, bios or efi
    std::string acceleration = "auto";  ///< auto, kvm or tcg
    std::string title;
    std::string description;
    std::vector<std::string> tags;
    std::vector<DiskSpec> disks;
    std::optional<std::vector<InterfaceSpec>> interfaces;  ///< not given: one, by the kind of hypervisor
    std::string kernel;
    std::string initrd;
    std::string cmdline;
    bool serial = true;
    std::string graphics = "none";  ///< none, vnc or spice
    bool guest_agent = true;
    bool rng = true;
    bool autostart = false;
    bool start = false;
    bool paused = false;
    std::string root;                  ///< of a container: a directory of the host
    std::vector<std::string> init;     ///< of a container: its first process; empty: /sbin/init
    std::vector<std::string> given;    ///< the keys that the caller has given
    std::uint32_t owner = UINT32_MAX;  ///< uid of the caller, not a key
};

/// Refuses a spec that no hypervisor could take: Error invalid_args whose text begins with the key.
void validate(const MachineSpec& spec);

/// Refuses files and a root that the caller may not name, with invalid_args as well. Looks at file systems, which may
/// not answer: not for the main thread.
void check_files(const MachineSpec& spec, const AllowedFiles& allowed);

/// Refuses a key that makes no sense for this kind of machine, and a container without its root.
void check_kind(const MachineSpec& spec, Kind kind);

/// The rules for single settings, which the Set… methods share; each refuses with invalid_args naming `key`.
void check_name(std::string_view key, std::string_view name);
void check_memory(std::string_view key, std::uint64_t bytes);
void check_vcpus(std::string_view key, std::uint32_t vcpus);
void check_title(std::string_view key, std::string_view title);
void check_description(std::string_view key, std::string_view description);
/// Returns them sorted, without doubles.
std::vector<std::string> check_tags(std::string_view key, std::vector<std::string> tags);

}  // namespace virtbus
