// SPDX-License-Identifier: LGPL-2.1-or-later
// libvirt's capabilities XML → what Hypervisor shows and what the writer of new machines needs to know. Pure functions
// on text, any thread.
#pragma once

#include "model/hypervisor_info.h"

#include <string>
#include <string_view>
#include <vector>

namespace virtbus {

/// A kind of guest that the host can run.
struct GuestCapability {
    std::string os_type;  ///< hvm, xen, xenpvh, exe
    std::string arch;
    std::vector<std::string> domain_types;  ///< kvm, qemu, xen, lxc, …

    [[nodiscard]] bool offers(std::string_view domain_type) const;
};

struct Capabilities {
    std::string arch;
    std::string cpu;
    std::string cpu_xml;  ///< its whole element, as libvirt takes it; "" where there is none
    HardwareVirtualization hardware = HardwareVirtualization::none;  ///< none also where the document is silent
    std::vector<GuestCapability> guests;
};

Capabilities read_capabilities(std::string_view xml);

/// How machines can be run here, best first.
std::vector<Acceleration> accelerations(const Capabilities& capabilities);

/// Which kinds of virtualisation machines can have here.
std::vector<Virtualization> guest_types(const Capabilities& capabilities);

/// vmx or svm of a <cpu>'s features: the capabilities' leave out what the CPU's model implies.
HardwareVirtualization hardware_of_cpu(std::string_view xml);

/// The same of /proc/cpuinfo's flags.
HardwareVirtualization hardware_virtualization(std::string_view cpuinfo);

/// libvirt's numbers of versions: 9000001 → "9.0.1"; 0 → "".
std::string version_text(unsigned long version);

}  // namespace virtbus
