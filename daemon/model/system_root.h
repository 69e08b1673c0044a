// SPDX-License-Identifier: LGPL-2.1-or-later
// A directory that is the root of a system: this host's "/", or a container's. Whatever links are in it, nothing
// outside is reached: openat2(2) with RESOLVE_IN_ROOT. What is in it may be hostile: devices and FIFOs are looked at,
// and never opened. Blocks, though never on what it finds; one thread.
#pragma once

#include "base/unique_fd.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cstddef>
#include <optional>
#include <string>

namespace virtbus {

/// Where a name is: a directory, open for reading, and the name in it.
struct Place {
    UniqueFd directory;
    std::string name;
    std::string path;  ///< for people
};

/// A file that was found, not opened for anything yet (O_PATH).
struct NamedFile {
    UniqueFd fd;
    struct ::stat status {};

    [[nodiscard]] bool is_regular() const { return S_ISREG(status.st_mode); }
    [[nodiscard]] bool is_link() const { return S_ISLNK(status.st_mode); }
    [[nodiscard]] bool is(const NamedFile& other) const {
        return status.st_dev == other.status.st_dev && status.st_ino == other.status.st_ino;
    }
};

class SystemRoot {
public:
    /// Error failed if `path` is no directory.
    explicit SystemRoot(const std::string& path);

    /// What `path`, absolute, leads to. Nothing, and errno says why, if there is nothing.
    [[nodiscard]] std::optional<NamedFile> find(const std::string& path) const { return find(path, 0); }
    /// The same, but a link is found itself.
    [[nodiscard]] std::optional<NamedFile> find_link(const std::string& path) const { return find(path, O_NOFOLLOW); }

    /// Where `path` itself is. Nothing, and errno says why, if there is no such directory.
    [[nodiscard]] std::optional<Place> place(const std::string& path) const;
    /// Where the file is, or would be, that `path` leads to.
    [[nodiscard]] std::optional<Place> final_place(const std::string& path) const;

    /// The root directory's own owner: of a container's tree, the user that its root is on this host.
    [[nodiscard]] struct ::stat status() const;
    /// For people: what `path` is outside.
    [[nodiscard]] std::string shown(const std::string& path) const { return name_ + path; }
    [[nodiscard]] int fd() const { return root_.get(); }

private:
    [[nodiscard]] std::optional<NamedFile> find(const std::string& path, int flags) const;

    UniqueFd root_;
    std::string name_;  // without a slash at its end
};

/// Those that change a system's files do it one after the other, and a killed one is not waited for: flock(2) of the
/// root directory. Error busy if somebody holds it for long.
class RootLock {
public:
    explicit RootLock(const SystemRoot& root);

private:
    UniqueFd directory_;
};

/// What `name` is in a directory; a link is found itself.
std::optional<NamedFile> find_in(const Place& place);

/// Opens the very file that was found, wherever its name leads by now. Nothing, and errno says why.
UniqueFd open_found(const NamedFile& file, int flags);

/// The first `size` bytes, or as many as there are. Nothing, and errno says why.
std::optional<std::string> read_found(const NamedFile& file, std::size_t size);

}  // namespace virtbus
