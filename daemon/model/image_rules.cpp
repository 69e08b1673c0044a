// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/image_rules.h"

#include <fmt/format.h>

#include <filesystem>
#include <map>
#include <system_error>
#include <utility>

namespace virtbus {

namespace {

std::string full_name(const Image& image) { return fmt::format("{}/{}", image.pool, image.name); }

Error cannot(Code code, std::string_view verb, const Image& image, std::string_view why) {
    return {code, fmt::format("cannot {} image {}: {}", verb, full_name(image), why)};
}

/// As the kernel takes it, where the kernel is this one; of what is not there as far as that can be told.
std::filesystem::path resolved(const std::filesystem::path& path, bool is_local) {
    std::error_code error;
    auto found = is_local ? std::filesystem::weakly_canonical(path, error) : path.lexically_normal();
    return error ? path.lexically_normal() : found;
}

/// In which of the directories a file is, and how it is called there. Where two fit, the file itself comes before a
/// link to it, which a pool may show as an image as well.
std::vector<std::pair<std::string, std::string>> find_in(const std::vector<std::string>& directories,
                                                         const std::filesystem::path& path, bool is_local) {
    std::vector<std::pair<std::string, std::string>> found;
    for (const auto& file : {resolved(path, is_local), resolved(path.parent_path(), is_local) / path.filename()})
        for (const auto& directory : directories)
            if (resolved(directory, is_local) == file.parent_path()) found.emplace_back(directory, file.filename());
    return found;
}

/// `machine` runs, and has `used` as a disk, which is the image or something below it.
[[noreturn]] void refuse_user(const Image& image, std::string_view verb, const Image& used, std::string_view name,
                              const Machine& machine) {
    throw cannot(Code::in_use, verb, image,
                 fmt::format("machine {} is {} and has {} as a disk; shut it down first", name,
                             to_string(machine.state), used.path == image.path ? "it" : full_name(used)));
}

void refuse_running_elsewhere(Hypervisor& hypervisor, const Image& image, std::string_view verb, const Image& used) {
    for (const auto& [other, machine] : hypervisor.storage().other_users(used))
        if (is_active(machine->state))
            refuse_user(image, verb, used, fmt::format("{} of hypervisor {}", machine->name, other), *machine);
}

}  // namespace

PoolPtr require_pool(Hypervisor& hypervisor, const std::string& name) {
    const auto pool = hypervisor.storage().find_pool(name);
    if (!pool) throw Error(Code::no_such_pool, fmt::format("there is no pool {} on {}", name, hypervisor.name()));
    if (pool->state != PoolState::running && pool->state != PoolState::degraded)
        throw Error(Code::invalid_state, fmt::format("pool {} is {}: Start it first", name, to_string(pool->state)));
    return pool;
}

PoolPtr require_writable_pool(Hypervisor& hypervisor, const std::string& name) {
    const auto pool = require_pool(hypervisor, name);
    if (!hypervisor.is_local())
        throw Error(Code::not_supported, fmt::format("pool {} is on another host, that of {}: images are made and "
                                                     "changed only on this one",
                                                     name, hypervisor.uri()));
    if (pool->type != "dir")
        throw Error(Code::not_supported, fmt::format("pool {} is of type {}: images are made and changed only in pools "
                                                     "of type dir",
                                                     name, pool->type));
    return pool;
}

ImagePtr require_image(Hypervisor& hypervisor, const std::string& pool, const std::string& name) {
    const auto image = hypervisor.storage().find_image(pool, name);
    if (!image) throw Error(Code::no_such_image, fmt::format("there is no image {} in pool {}", name, pool));
    return image;
}

Task<FilePlace> find_place(std::shared_ptr<Hypervisor> hypervisor, std::string path) {
    const auto& storage = hypervisor->storage();
    if (const auto image = storage.image_at(path)) co_return FilePlace{storage.find_pool(image->pool), path};
    FilePlace place{nullptr, path};
    if (path.empty()) co_return place;
    std::map<std::string, PoolPtr> pools;
    std::vector<std::string> directories;
    for (const auto& pool : storage.pools())
        if (!pool->path.empty() && pools.try_emplace(pool->path, pool).second) directories.push_back(pool->path);
    auto look = [path = std::move(path), directories = std::move(directories),
                 is_local = hypervisor->is_local()](Port&) { return find_in(directories, path, is_local); };
    const auto found = co_await hypervisor->run(Lane::work, std::move(look));
    for (const auto& [directory, name] : found) {
        const FilePlace known{pools.at(directory), directory + "/" + name};
        if (storage.image_at(known.path)) co_return known;
        if (!place.pool) place = known;
    }
    co_return place;
}

void refuse_existing(Hypervisor& hypervisor, const std::string& pool, const std::string& name) {
    if (hypervisor.storage().find_image(pool, name))
        throw Error(Code::already_exists, fmt::format("there is already an image {} in pool {}", name, pool));
}

void refuse_running(Hypervisor& hypervisor, const Image& image, std::string_view verb) {
    auto all = hypervisor.storage().chain(image);
    all.insert(all.begin(), std::make_shared<const Image>(image));
    for (const auto& each : all) {
        for (const auto& machine : hypervisor.storage().machines(*each))
            if (is_active(machine->state)) refuse_user(image, verb, *each, machine->name, *machine);
        refuse_running_elsewhere(hypervisor, image, verb, *each);
    }
}

void refuse_running_elsewhere(Hypervisor& hypervisor, const Image& image, std::string_view verb) {
    refuse_running_elsewhere(hypervisor, image, verb, image);
}

void refuse_machines(Hypervisor& hypervisor, const Image& image, std::string_view verb, std::string_view way_out) {
    const auto machines = hypervisor.storage().machines(image);
    if (!machines.empty())
        throw cannot(Code::in_use, verb, image,
                     fmt::format("machine {} has it as a disk; {}", machines.front()->name, way_out));
    const auto others = hypervisor.storage().other_users(image);
    if (!others.empty())
        throw cannot(Code::in_use, verb, image,
                     fmt::format("machine {} of hypervisor {} has it as a disk; {}", others.front().machine->name,
                                 others.front().hypervisor, way_out));
    const auto next = hypervisor.storage().next_machines(image);
    if (!next.empty())
        throw cannot(Code::in_use, verb, image,
                     fmt::format("machine {} has it as a disk when it starts next; {}", next.front()->name, way_out));
}

void refuse_overlays(Hypervisor& hypervisor, const Image& image, std::string_view verb) {
    const auto overlays = hypervisor.storage().overlays(image);
    if (!overlays.empty())
        throw cannot(
            Code::in_use, verb, image,
            fmt::format("image {} is based on it; Flatten or Delete that first", full_name(*overlays.front())));
}

void require_plain(Hypervisor& hypervisor, const Image& image, std::string_view verb) {
    const auto chain = hypervisor.storage().chain(image);
    const Image* above = nullptr;
    const auto require = [&](const Image& each) {
        if (each.format != "qcow2" && each.format != "raw")
            throw cannot(Code::not_supported, verb, image,
                         fmt::format("the format of {} is {}, not qcow2 or raw", full_name(each), each.format));
        if (each.external_data)
            throw cannot(Code::unsafe_image, verb, image, full_name(each) + " keeps its data in another file");
        if (each.encrypted) throw cannot(Code::not_supported, verb, image, full_name(each) + " is encrypted");
        // A guest that owns the one below could have made it look like something else.
        if (above != nullptr && above->backing_format != each.format)
            throw cannot(Code::unsafe_image, verb, image,
                         fmt::format("{} takes {} for {}, which is {}", full_name(*above), full_name(each),
                                     above->backing_format.empty() ? "anything" : above->backing_format, each.format));
        above = &each;
    };
    require(image);
    for (const auto& each : chain) require(*each);
    const Image& last = chain.empty() ? image : *chain.back();
    if (!last.backing_file.empty())
        throw cannot(Code::unsafe_image, verb, image,
                     fmt::format("{} is based on {}, which is no image of a pool", full_name(last), last.backing_file));
}

void require_space(const Pool& pool, std::uint64_t needed) {
    if (needed > pool.available)
        throw Error(Code::no_space,
                    fmt::format("pool {} has {} bytes left, and {} are needed", pool.name, pool.available, needed));
}

Claims::Claim claim_disks(Jobs& jobs, Hypervisor& hypervisor, const std::string& who, const std::vector<Disk>& disks) {
    std::vector<ObjectRef> writes;
    std::vector<ObjectRef> reads;
    auto& storage = hypervisor.storage();
    for (const auto& disk : disks) {
        const auto image = storage.find_image(source_of(disk));
        if (!image) continue;
        (disk.readonly ? reads : writes).emplace_back(ImageRef{hypervisor.name(), image->pool, image->name});
        if (!disk.readonly) refuse_overlays(hypervisor, *image, "let a machine write to");
        if (image->format == "qcow2") require_plain(hypervisor, *image, "use");
        // As anything else its content would be a header that a guest has written. It may have been converted since.
        if (image->format == "raw" && !disk.format.empty() && disk.format != "raw")
            throw cannot(Code::unsafe_image, "use", *image,
                         fmt::format("it is raw, and the machine's definition takes it for {}: DefineXml corrects that",
                                     disk.format));
    }
    return jobs.claims().take(who, std::move(writes), std::move(reads));
}

}  // namespace virtbus
