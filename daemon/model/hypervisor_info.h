// SPDX-License-Identifier: LGPL-2.1-or-later
// What a hypervisor says of itself and its host: a plain value, read once a connection.
// The words are those of org.virtbus1.Hypervisor.xml.
#pragma once

#include "model/machine.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace virtbus {

enum class HypervisorType { unknown, type_1, type_2, type_1_and_2, container };
enum class HardwareVirtualization { none, vmx, svm };

std::string_view to_string(HypervisorType type);
std::string_view to_string(HardwareVirtualization hardware);

struct HypervisorInfo {
    std::string driver;
    bool has_events = true;  ///< what happens to machines is told
    HypervisorType type = HypervisorType::unknown;
    std::string version;
    std::string libvirt_version;
    std::string hostname;
    bool on_this_host = true;  ///< false when it says that its host is another, whatever its URI
    std::string arch;
    std::string cpu;
    HardwareVirtualization hardware = HardwareVirtualization::none;
    std::vector<Acceleration> accelerations;  ///< best first
    std::vector<Virtualization> guest_types;
    std::uint32_t cpus = 0;
    std::uint64_t memory = 0;

    bool operator==(const HypervisorInfo&) const = default;
};

/// The type of hypervisor that libvirt's `driver` stands for. KVM, where the qemu driver has it, makes the host's
/// kernel the hypervisor: both types at once. Sources: libvirt's drivers page, and the vendors' own terms.
HypervisorType hypervisor_type(std::string_view driver, const std::vector<Acceleration>& accelerations);

}  // namespace virtbus
