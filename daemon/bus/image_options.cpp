// SPDX-License-Identifier: LGPL-2.1-or-later
#include "bus/image_options.h"

#include "bus/paths.h"

#include <algorithm>
#include <cctype>

namespace virtbus::bus {

Preallocation take_preallocation(Options& options, const std::string& format) {
    const auto word = options.take<std::string>("preallocation").value_or("off");
    for (const auto each : {Preallocation::off, Preallocation::metadata, Preallocation::full}) {
        if (word != to_string(each)) continue;
        if (each == Preallocation::metadata && format != "qcow2")
            throw Error(Code::invalid_args, "preallocation: only a qcow2 image has metadata; full or off");
        return each;
    }
    throw Error(Code::invalid_args, "preallocation: must be off, metadata or full");
}

NewImage take_new_image(Options& options, const std::string& pool, const std::string& name, const std::string& format) {
    check_image_name("name", name);
    NewImage image{pool, name, options.take<std::string>("format").value_or(format), Preallocation::off};
    check_image_format("format", image.format);
    image.preallocation = take_preallocation(options, image.format);
    return image;
}

ImageRef image_at(const std::string& key, const sdbus::ObjectPath& path, const std::string& hypervisor) {
    auto image = image_ref(path);
    if (!image) throw Error(Code::invalid_args, key + ": is not the path of an Image");
    if (image->hypervisor != hypervisor)
        throw Error(Code::invalid_args, key + ": is an image of another hypervisor, " + image->hypervisor);
    return std::move(*image);
}

std::optional<PoolRef> take_pool(Options& options, const std::string& key, const std::string& hypervisor) {
    const auto path = options.take<sdbus::ObjectPath>(key);
    if (!path) return std::nullopt;
    auto pool = pool_ref(*path);
    if (!pool || pool->hypervisor != hypervisor)
        throw Error(Code::invalid_args, key + ": is not the path of a Pool of the same hypervisor");
    return pool;
}

std::optional<ImageRef> take_image(Options& options, const std::string& key, const std::string& hypervisor) {
    const auto path = options.take<sdbus::ObjectPath>(key);
    if (!path) return std::nullopt;
    return image_at(key, *path, hypervisor);
}

std::optional<std::string> take_sha256(Options& options) {
    auto digest = options.take<std::string>("sha256");
    if (!digest) return std::nullopt;
    const auto is_digit = [](unsigned char c) { return std::isxdigit(c) != 0; };
    if (digest->size() != 64 || !std::all_of(digest->begin(), digest->end(), is_digit))
        throw Error(Code::invalid_args, "sha256: must be 64 hexadecimal digits");
    std::transform(digest->begin(), digest->end(), digest->begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return digest;
}

}  // namespace virtbus::bus
