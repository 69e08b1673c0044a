// SPDX-License-Identifier: LGPL-2.1-or-later
// Which machines of an Inventory have which disks.
#include "model/inventory.h"

namespace virtbus {

std::vector<MachinePtr> Inventory::with_disk(const DiskSource& source) const {
    std::vector<MachinePtr> machines;
    const auto found = disks_.find(source);
    if (found == disks_.end()) return machines;
    for (const auto& uuid : found->second)
        if (auto machine = find(uuid)) machines.push_back(std::move(machine));
    return machines;
}

void Inventory::index_disks(const Machine* before, const Machine* after) {
    if (before != nullptr && after != nullptr && before->disks == after->disks) return;
    std::vector<DiskSource> sources;  // an empty drive's is empty, and no image's
    if (before != nullptr)
        for (const auto& disk : before->disks) {
            const auto found = disks_.find(sources.emplace_back(source_of(disk)));
            if (found == disks_.end()) continue;  // two of its disks stand on the same
            found->second.erase(before->uuid);
            if (found->second.empty()) disks_.erase(found);
        }
    if (after != nullptr)
        for (const auto& disk : after->disks) disks_[sources.emplace_back(source_of(disk))].insert(after->uuid);
    if (disks_changed_ && !sources.empty()) disks_changed_(sources);
}

}  // namespace virtbus
