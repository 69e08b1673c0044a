// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/guest_disks.h"

#include "model/image_rules.h"

#include <fmt/format.h>

#include <algorithm>

namespace virtbus {

namespace {

/// No CD or floppy, none that is read-only.
bool is_own(const Disk& disk) { return !disk.readonly && (disk.device == "disk" || disk.device == "lun"); }

GuestDisk resolve(Hypervisor& hypervisor, const Machine& machine, const Disk& disk) {
    if (auto image = hypervisor.storage().find_image(source_of(disk))) {
        require_plain(hypervisor, *image, "look into");
        return {disk, image, {image->path, image->format}};
    }
    const auto& path = disk.file.empty() ? disk.block : disk.file;
    if (path.empty())
        throw Error(Code::unsupported_guest, fmt::format("machine {}: disk {} is neither a file nor a device of this "
                                                         "host",
                                                         machine.name, disk.target));
    // Never guessed: a guest can write any header into a raw disk.
    return {disk, nullptr, {path, disk.format.empty() ? "raw" : disk.format}};
}

/// When somebody has last written to its file, or put another in its place; 0 where no file of this host can tell.
/// cp -p keeps the time of the content, but not that of the file. That one also changes when libvirt gives the file to
/// QEMU, which it does with all that the disks of a machine that starts are based on: so it does not count where others
/// are based on the image, and another in its place would break those.
std::uint64_t last_written(const Storage& storage, const Image& image) {
    if (image.modified == 0 || image.changed == 0) return 0;
    return storage.overlays(image).empty() ? std::max(image.modified, image.changed) : image.modified;
}

/// Of other pools virtbus hears late what others do there, or never: see Storage.
bool is_watched(Hypervisor& hypervisor, const Image& image) {
    const auto pool = hypervisor.storage().find_pool(image.pool);
    return hypervisor.is_local() && pool && pool->type == "dir";
}

}  // namespace

void require_at_rest(const Machine& machine, std::string_view verb) {
    if (is_active(machine.state))
        throw Error(Code::invalid_state, fmt::format("cannot {} machine {}: it is {}; shut it down first", verb,
                                                     machine.name, to_string(machine.state)));
    if (machine.saved)
        throw Error(Code::invalid_state,
                    fmt::format("cannot {} machine {}: its saved memory remembers its disks as they "
                                "are; Start and shut it down first",
                                verb, machine.name));
}

void refuse_kernel_machine_id(const Machine& machine) {
    if (!machine.kernel_machine_id.is_set()) return;
    throw Error(Code::unsupported_guest, fmt::format("machine {}: the kernel command line of its definition sets its "
                                                     "machine-id at each boot; remove systemd.machine_id= there first, "
                                                     "with DefineXml",
                                                     machine.name));
}

std::vector<GuestDisk> own_disks(Hypervisor& hypervisor, const Machine& machine) {
    std::vector<GuestDisk> disks;
    for (const auto& disk : machine.disks)
        if (is_own(disk)) disks.push_back(resolve(hypervisor, machine, disk));
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
        throw Error(Code::unsupported_guest,
                    fmt::format("machine {} has no disk, nor a root directory, of its own", machine.name));
    return system;
}

void require_alone(Hypervisor& hypervisor, const Machine& machine, std::string_view verb) {
    for (const auto& own : own_disks(hypervisor, machine)) {
        const auto cannot = [&](const std::string& why) {
            return Error(Code::in_use,
                         fmt::format("cannot {} machine {}: its disk {} {}", verb, machine.name, own.disk.target, why));
        };
        if (own.disk.shareable) throw cannot("is shared with others");
        const auto machines = own.image ? hypervisor.storage().machines(*own.image)
                                        : hypervisor.inventory().with_disk(source_of(own.disk));
        for (const auto& other : machines)
            if (other->uuid != machine.uuid) throw cannot("is one of machine " + other->name + " too");
        if (own.image) refuse_overlays(hypervisor, *own.image, verb);
    }
}

Written written_since(Hypervisor& hypervisor, const Machine& machine, std::uint64_t time) {
    auto& storage = hypervisor.storage();
    bool known = machine.root.empty();
    for (const auto& disk : machine.disks) {
        if (!is_own(disk)) continue;
        const auto image = storage.find_image(source_of(disk));
        auto layers = image ? storage.chain(*image) : std::vector<ImagePtr>();
        if (image) layers.insert(layers.begin(), image);
        for (const auto& layer : layers) {
            const auto last = last_written(storage, *layer);
            if (last > time) return Written::yes;
            known = known && last != 0 && is_watched(hypervisor, *layer);
        }
        known = known && !layers.empty() && layers.back()->backing_file.empty();
    }
    return known ? Written::no : Written::unknown;
}

std::vector<ObjectRef> disk_claims(const Hypervisor& hypervisor, const Machine& machine,
                                   const std::vector<GuestDisk>& disks) {
    std::vector<ObjectRef> claims{MachineRef{hypervisor.name(), machine.uuid}};
    for (const auto& disk : disks)
        if (disk.image) claims.emplace_back(ImageRef{hypervisor.name(), disk.image->pool, disk.image->name});
    return claims;
}

}  // namespace virtbus
