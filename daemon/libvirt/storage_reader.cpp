// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libvirt/storage_reader.h"

#include "libvirt/xml.h"
#include "model/error.h"

namespace virtbus {

namespace {

/// "1763863200.123456789": seconds since 1970.
std::uint64_t usec_from(std::string_view text) {
    const auto dot = text.find('.');
    const auto seconds = number_from(text.substr(0, dot)).value_or(0);
    auto fraction = dot == std::string_view::npos ? std::string() : std::string(text.substr(dot + 1, 6));
    fraction.resize(6, '0');
    constexpr std::uint64_t most = UINT64_MAX / 1'000'000 - 1;
    return seconds > most ? 0 : seconds * 1'000'000 + number_from(fraction).value_or(0);
}

/// What has no structure of its own, such as a logical volume, has no format at all; an ISO 9660 image is a raw one.
std::string format_of(const pugi::xml_node& target) {
    const auto format = attribute(target.child("format"), "type");
    return format.empty() || format == "none" || format == "unknown" || format == "iso" ? "raw" : format;
}

}  // namespace

Pool read_pool_xml(std::string_view xml) {
    pugi::xml_document document;
    const auto root = parse_xml(document, xml, "pool");
    Pool pool;
    pool.name = text_of(root.child("name"));
    pool.type = attribute(root, "type");
    pool.path = text_of(root.child("target").child("path"));
    pool.capacity = bytes_of(root.child("capacity"));
    pool.allocation = bytes_of(root.child("allocation"));
    pool.available = bytes_of(root.child("available"));
    const auto uuid = Uuid::parse(text_of(root.child("uuid")));
    if (!uuid) throw Error(Code::invalid_xml, "The pool has no UUID");
    pool.uuid = *uuid;
    return pool;
}

std::optional<Image> read_volume_xml(std::string_view xml) {
    pugi::xml_document document;
    const auto root = parse_xml(document, xml, "volume");
    const auto type = attribute(root, "type");
    if (type == "dir" || type == "netdir") return std::nullopt;
    const auto target = root.child("target");
    const auto backing = root.child("backingStore");
    Image image;
    image.name = text_of(root.child("name"));
    image.path = text_of(target.child("path"));
    image.format = format_of(target);
    image.virtual_size = bytes_of(root.child("capacity"));
    image.allocation = bytes_of(root.child("allocation"));
    image.file_size = root.child("physical") ? bytes_of(root.child("physical")) : image.virtual_size;
    image.encrypted = static_cast<bool>(target.child("encryption"));
    image.modified = usec_from(text_of(target.child("timestamps").child("mtime")));
    image.backing_file = text_of(backing.child("path"));
    image.backing_format = attribute(backing.child("format"), "type");
    return image;
}

}  // namespace virtbus
