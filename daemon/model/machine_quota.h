// SPDX-License-Identifier: LGPL-2.1-or-later
// How many machines one user may own. Main thread only.
#pragma once

#include "base/quota.h"
#include "model/hypervisors.h"

#include <cstdint>

namespace virtbus {

class MachineQuota {
public:
    using Place = Quota<std::uint32_t>::Place;

    MachineQuota(const Hypervisors& hypervisors, std::size_t most) : hypervisors_(hypervisors), most_(most) {}

    /// For a machine that is about to be made for the owner: until it shows, or came to nothing, the place counts for
    /// it. Error limits_exceeded when the owner has enough. Root has no limit.
    [[nodiscard]] Place reserve(std::uint32_t owner);

private:
    const Hypervisors& hypervisors_;
    std::size_t most_;
    Quota<std::uint32_t> making_;
};

}  // namespace virtbus
