// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/machine_quota.h"

#include "model/error.h"

#include <fmt/format.h>

namespace virtbus {

MachineQuota::Place MachineQuota::reserve(std::uint32_t owner) {
    if (owner == 0) return {};
    std::size_t owned = 0;
    for (const auto& hypervisor : hypervisors_.all())
        for (const auto& [uuid, machine] : hypervisor->inventory().machines())
            if (machine->owner == owner) ++owned;
    auto place = owned < most_ ? making_.take(owner, most_ - owned) : Place();
    if (!place)
        throw Error(Code::limits_exceeded,
                    fmt::format("uid {} owns {} machines, and more than {} are not allowed "
                                "(limits.machines of virtbusd's configuration): delete one first",
                                owner, owned + making_.count(owner), most_));
    return place;
}

}  // namespace virtbus
