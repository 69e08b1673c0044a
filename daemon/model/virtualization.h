// SPDX-License-Identifier: LGPL-2.1-or-later
// The rule that tells full virtualisation, paravirtualisation, their hybrid, and containers apart, with its evidence.
#pragma once

#include "model/machine.h"

#include <string>
#include <string_view>
#include <vector>

namespace virtbus {

/// What of a definition decides. The evidence comes from OS type and devices, never from the machine's name.
struct VirtualizationFacts {
    std::string os_type;                           ///< libvirt's <os><type>: hvm, xen, linux (old for xen), xenpvh, exe
    std::vector<std::string> paravirtual_devices;  ///< one phrase each, such as "disk vda is virtio"
    std::vector<std::string> enlightenments;       ///< one phrase each, such as "Hyper-V enlightenment relaxed"
};

struct Verdict {
    Virtualization virtualization = Virtualization::unknown;
    std::vector<std::string> evidence;

    bool operator==(const Verdict&) const = default;
};

/// exe → container; xen, linux → para; xenpvh → hybrid; hvm → hybrid if anything paravirtual is in it, else full.
Verdict classify(const VirtualizationFacts& facts);

}  // namespace virtbus
