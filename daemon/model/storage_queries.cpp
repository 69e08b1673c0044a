// SPDX-License-Identifier: LGPL-2.1-or-later
// What is found in Storage, and how images and machines hang together.
#include "model/inventory.h"
#include "model/storage.h"

#include <algorithm>
#include <set>

namespace virtbus {

namespace {

const ImageMap no_images;

}  // namespace

PoolPtr Storage::find_pool(const std::string& name) const {
    const auto found = pools_.find(name);
    return found == pools_.end() ? nullptr : found->second.pool;
}

const ImageMap& Storage::images(const std::string& pool) const {
    const auto found = pools_.find(pool);
    return found == pools_.end() ? no_images : found->second.images;
}

ImagePtr Storage::find_image(const std::string& pool, const std::string& name) const {
    const auto& in_pool = images(pool);
    const auto found = in_pool.find(name);
    return found == in_pool.end() ? nullptr : found->second;
}

ImagePtr Storage::find_image(const DiskSource& source) const {
    return source.pool.empty() ? image_at(source.path) : find_image(source.pool, source.volume);
}

ImagePtr Storage::image_at(const std::string& path) const {
    if (path.empty()) return nullptr;
    const auto found = by_path_.find(path);
    return found == by_path_.end() ? nullptr : found->second;
}

std::vector<PoolPtr> Storage::pools() const {
    std::vector<PoolPtr> pools;
    for (const auto& [name, entry] : pools_)
        if (entry.pool) pools.push_back(entry.pool);
    return pools;
}

std::vector<ImagePtr> Storage::chain(const Image& image) const {
    std::vector<ImagePtr> chain;
    std::set<std::string> seen{image.path};
    for (auto next = image_at(image.backing_file); next && seen.insert(next->path).second;
         next = image_at(next->backing_file))
        chain.push_back(next);
    return chain;
}

std::vector<ImagePtr> Storage::overlays(const Image& image) const {
    std::vector<ImagePtr> overlays;
    const auto found = overlays_.find(image.path);
    if (found == overlays_.end()) return overlays;
    for (const auto& path : found->second)
        if (auto overlay = image_at(path)) overlays.push_back(std::move(overlay));
    return overlays;
}

std::vector<ImagePtr> Storage::all_overlays(const Image& image) const {
    auto above = overlays(image);
    std::set<std::string> seen{image.path};
    for (std::size_t i = 0; i < above.size(); ++i) {
        const auto next = seen.insert(above[i]->path).second ? overlays(*above[i]) : std::vector<ImagePtr>();
        above.insert(above.end(), next.begin(), next.end());
    }
    return above;
}

std::vector<MachinePtr> Storage::machines(const Image& image) const {
    auto machines = machines_.with_disk({image.path, {}, {}});
    for (auto& machine : machines_.with_disk({{}, image.pool, image.name}))
        if (std::find(machines.begin(), machines.end(), machine) == machines.end())
            machines.push_back(std::move(machine));
    return machines;
}

std::vector<MachinePtr> Storage::next_machines(const Image& image) const {
    const auto is_it = [&](const Disk& disk) {
        const auto source = source_of(disk);
        return source == DiskSource{image.path, {}, {}} || source == DiskSource{{}, image.pool, image.name};
    };
    std::vector<MachinePtr> machines;
    for (const auto& [uuid, machine] : machines_.machines())
        if (std::any_of(machine->next_disks.begin(), machine->next_disks.end(), is_it) &&
            std::none_of(machine->disks.begin(), machine->disks.end(), is_it))
            machines.push_back(machine);
    return machines;
}

}  // namespace virtbus
