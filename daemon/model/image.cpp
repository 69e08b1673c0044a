// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/image.h"

#include "base/utf8.h"
#include "model/checked_text.h"
#include "model/error.h"

#include <fmt/format.h>

namespace virtbus {

namespace {

constexpr std::size_t volume_name_bytes = 255;  // NAME_MAX
constexpr std::uint64_t sector = 512;
constexpr std::uint64_t size_max = std::uint64_t{1} << 50;

}  // namespace

std::string_view to_string(Preallocation preallocation) {
    switch (preallocation) {
        case Preallocation::off: return "off";
        case Preallocation::metadata: return "metadata";
        case Preallocation::full: return "full";
    }
    return "";
}

Preallocation preallocation(const Image& image) {
    if (image.allocation >= image.virtual_size) return Preallocation::full;
    // A qcow2 file is as long as what was written of it, unless its tables were made at once.
    const bool has_room = image.format == "qcow2" && image.file_size >= image.virtual_size;
    return has_room ? Preallocation::metadata : Preallocation::off;
}

void clean_text(Image& image) {
    for (auto* text :
         {&image.pool, &image.name, &image.path, &image.format, &image.backing_file, &image.backing_format})
        *text = to_utf8(*text);
}

void declare_format(Image& image, std::string_view format) {
    if (image.format == format) return;
    image.format = format;
    if (format != "raw") return;
    image.virtual_size = image.file_size;
    image.encrypted = false;
    image.backing_file.clear();
    image.backing_format.clear();
    image.external_data = false;
}

void check_image_name(std::string_view key, std::string_view name) {
    if (name.empty()) refuse_value(key, "must not be empty");
    check_line(key, name, volume_name_bytes);
    if (name.find('/') != std::string_view::npos)
        refuse_value(key, "\"/\" is not allowed: it is a name in a pool, not a path");
    if (name.front() == '.') refuse_value(key, "must not begin with \".\"");
}

std::uint64_t check_image_size(std::string_view key, std::uint64_t size) {
    if (size == 0) refuse_value(key, "must not be 0");
    if (size > size_max) refuse_value(key, fmt::format("{} bytes are too large, at most {} (1 PiB)", size, size_max));
    return (size + sector - 1) / sector * sector;
}

void check_image_format(std::string_view key, std::string_view format) {
    if (format != "qcow2" && format != "raw")
        refuse_value(key, fmt::format("must be qcow2 or raw, not \"{}\"", to_utf8(format.substr(0, 100))));
}

}  // namespace virtbus
