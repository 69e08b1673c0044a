// SPDX-License-Identifier: LGPL-2.1-or-later
// The files of a guest's system, wherever they are: in an appliance that has its disks, or below a directory. Paths are
// absolute in the guest, and no link leads out of it. What is in a guest is hostile: whoever reads says how much at
// most, and looks before. Functions throw Error: no_space where the file system is full. One thread.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace virtbus {

struct FileFacts {
    enum class Kind { missing, regular, directory, link, other };
    Kind kind = Kind::missing;
    std::int64_t device = 0;
    std::int64_t inode = 0;
    std::int64_t links = 0;
    std::int64_t size = 0;

    [[nodiscard]] bool is_same_file(const FileFacts& other) const {
        return kind == other.kind && kind != Kind::missing && device == other.device && inode == other.inode;
    }
};

class GuestFiles {
public:
    virtual ~GuestFiles() = default;

    /// Of the path itself, which may be a link.
    virtual FileFacts look(const std::string& path) = 0;
    /// Of what it leads to: missing where that is nothing, or a loop.
    virtual FileFacts look_through(const std::string& path) = 0;
    /// At most `size` bytes of a regular file.
    virtual std::string read(const std::string& path, std::uint64_t offset, std::size_t size) = 0;
    /// The paths that match, sorted: "*" and "[…]" as in a shell. Error unsupported_guest if they are too many.
    virtual std::vector<std::string> match(const std::string& pattern) = 0;

    /// Writes into a regular file that is there.
    virtual void write(const std::string& path, std::uint64_t offset, std::string_view bytes) = 0;
    virtual void cut(const std::string& path, std::uint64_t size) = 0;
    /// Makes a file, as a whole or not at all, where there is none; labelled as its directory.
    virtual void create(const std::string& path, std::string_view content, mode_t mode) = 0;
    virtual void link(const std::string& target, const std::string& path) = 0;
    virtual void rename(const std::string& from, const std::string& to) = 0;
    virtual void remove(const std::string& path) = 0;
    /// All that was written is on the disk, and what is read from here on comes from there.
    virtual void settle() = 0;
};

}  // namespace virtbus
