// SPDX-License-Identifier: LGPL-2.1-or-later
// A disk image as the mirror holds it: a plain value. The words are those of org.virtbus1.Image.xml; sizes are bytes,
// times microseconds since 1970.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace virtbus {

enum class Preallocation { off, metadata, full };

std::string_view to_string(Preallocation preallocation);

/// What stat(2) says of an image's file: as long as it is equal, the image need not be read again. All 0: not known.
struct FileStamp {
    std::uint64_t inode = 0;
    std::uint64_t size = 0;
    std::uint64_t blocks = 0;
    std::int64_t changed = 0;  ///< nanoseconds since 1970

    bool operator==(const FileStamp&) const = default;
};

struct Image {
    std::string pool;
    std::string name;
    std::string path;
    std::string format;  ///< qcow2, raw, …
    std::uint64_t virtual_size = 0;
    std::uint64_t allocation = 0;
    std::uint64_t file_size = 0;
    bool encrypted = false;
    std::uint64_t modified = 0;  ///< its content
    std::uint64_t changed = 0;   ///< its file, in whatever way: not older than that, stat(2); 0: not known
    std::string backing_file;    ///< "": based on none
    std::string backing_format;  ///< "" where its header does not say
    bool external_data = false;  ///< a qcow2 image that keeps its data in another file
    FileStamp stamp;

    bool operator==(const Image&) const = default;
};

/// How much of its pool it has taken beforehand.
Preallocation preallocation(const Image& image);

/// Replaces whatever in its text is not UTF-8.
void clean_text(Image& image);

/// The start of the names of files that are not images yet.
constexpr std::string_view temporary_prefix = ".virtbus-";

/// An image's format when nobody has said what it is can be forged by the guest that writes it. This takes the format
/// for granted: a raw image has no backing file and no size but its file's.
void declare_format(Image& image, std::string_view format);

/// The rules for what callers give; each refuses with invalid_args naming `key`.
void check_image_name(std::string_view key, std::string_view name);
/// Bytes as whole sectors.
std::uint64_t check_image_size(std::string_view key, std::uint64_t size);
/// qcow2 or raw: what virtbus makes.
void check_image_format(std::string_view key, std::string_view format);

}  // namespace virtbus
