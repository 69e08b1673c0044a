// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/guest_disks.h"

#include "model/image_rules.h"

#include <fmt/format.h>

namespace virtbus {

namespace {

GuestDisk resolve(Hypervisor& hypervisor, const Machine& machine, const Disk& disk) {
    const auto source = source_of(disk);
    auto& storage = hypervisor.storage();
    auto image = source.pool.empty() ? storage.image_at(source.path) : storage.find_image(source.pool, source.volume);
    if (image) {
        require_plain(hypervisor, *image, "look into");
        return {disk, image, {image->path, image->format}};
    }
    const auto& path = disk.file.empty() ? disk.block : disk.file;
    if (path.empty())
        throw Error(Code::unsupported_guest, fmt::format("machine {}: disk {} is neither a file nor a device of this "
                                                         "host", machine.name, disk.target));
    // Never guessed: a guest can write any header into a raw disk.
    return {disk, nullptr, {path, disk.format.empty() ? "raw" : disk.format}};
}

}  // namespace

void require_at_rest(const Machine& machine, std::string_view verb) {
    if (is_active(machine.state))
        throw Error(Code::invalid_state, fmt::format("cannot {} machine {}: it is {}; shut it down first", verb,
                                                     machine.name, to_string(machine.state)));
    if (machine.saved)
        throw Error(Code::invalid_state, fmt::format("cannot {} machine {}: its saved memory remembers its disks as they "
                                                     "are; Start and shut it down first", verb, machine.name));
}

std::vector<GuestDisk> own_disks(Hypervisor& hypervisor, const Machine& machine) {
    std::vector<GuestDisk> disks;
    for (const auto& disk : machine.disks)
        if (!disk.readonly && (disk.device == "disk" || disk.device == "lun"))
            disks.push_back(resolve(hypervisor, machine, disk));
    return disks;
}

GuestSystem system_of(Hypervisor& hypervisor, const Machine& machine) {
    if (!hypervisor.is_local())
        throw Error(Code::not_supported, fmt::format("machine {} is on another host, that of {}: run virtbus there",
                                                     machine.name, hypervisor.uri()));
    GuestSystem system;
    system.root = machine.root;
    if (machine.kind == Kind::vm)
        for (const auto& disk : own_disks(hypervisor, machine)) system.disks.push_back(disk.file);
    if (system.root.empty() && system.disks.empty())
        throw Error(Code::unsupported_guest, fmt::format("machine {} has no disk, nor a root directory, of its own",
                                                         machine.name));
    return system;
}

void require_alone(Hypervisor& hypervisor, const Machine& machine, std::string_view verb) {
    for (const auto& own : own_disks(hypervisor, machine)) {
        const auto cannot = [&](const std::string& why) {
            return Error(Code::in_use, fmt::format("cannot {} machine {}: its disk {} {}", verb, machine.name,
                                                   own.disk.target, why));
        };
        if (own.disk.shareable) throw cannot("is shared with others");
        const auto machines = own.image ? hypervisor.storage().machines(*own.image)
                                        : hypervisor.inventory().with_disk(source_of(own.disk));
        for (const auto& other : machines)
            if (other->uuid != machine.uuid) throw cannot("is one of machine " + other->name + " too");
        if (own.image) refuse_overlays(hypervisor, *own.image, verb);
    }
}

std::vector<ObjectRef> disk_claims(const Hypervisor& hypervisor, const Machine& machine,
                                   const std::vector<GuestDisk>& disks) {
    std::vector<ObjectRef> claims{MachineRef{hypervisor.name(), machine.uuid}};
    for (const auto& disk : disks)
        if (disk.image) claims.emplace_back(ImageRef{hypervisor.name(), disk.image->pool, disk.image->name});
    return claims;
}

}  // namespace virtbus
