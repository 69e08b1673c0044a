// SPDX-License-Identifier: LGPL-2.1-or-later
// The options of `create` as the spec that Hypervisor.CreateMachine takes. What is not given is left out: the
// defaults are the daemon's.
#pragma once

#include <string>
#include <vector>

#include "values.h"

namespace virtbusctl {

struct MachineOptions {
    std::string name, memory, vcpus, maximum_vcpus;
    std::vector<std::string> disks;
    std::vector<std::string> interfaces;
    std::string uuid, arch, machine_type, firmware, acceleration, graphics, title, description;
    std::string kernel, initrd, cmdline, root;
    std::vector<std::string> tags, init;
    bool no_serial = false, no_guest_agent = false, no_rng = false;
    bool autostart = false, start = false, paused = false;
};

/// Throws UsageError. A relative path of a file is one below the working directory.
[[nodiscard]] Dictionary machine_spec(const MachineOptions& options);

/// "default/web.qcow2,readonly", "pool=default,volume=web.qcow2" or "file=web.qcow2,format=qcow2,readonly".
[[nodiscard]] Dictionary parse_disk(const std::string& text);

/// "type=user", "network=default" (its type goes without saying), "bridge=br0,model=e1000".
[[nodiscard]] Dictionary parse_interface(const std::string& text);

}  // namespace virtbusctl
