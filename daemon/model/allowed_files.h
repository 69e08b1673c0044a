// SPDX-License-Identifier: LGPL-2.1-or-later
// What callers may name of the host's files, as the administrator has it. The helpers that have root's rights look at
// the same: what they may touch is not virtbusd's to say.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace virtbus {

/// Below which directories a caller may name a file for QEMU. On the system bus QEMU can read what its callers
/// cannot; on the session bus it has the caller's own rights, and everything is allowed. And in which directories the
/// roots of containers are: others than those, as what is in a root belongs to a guest, which makes links as it likes.
class AllowedFiles {
public:
    explicit AllowedFiles(std::vector<std::filesystem::path> directories, std::vector<std::filesystem::path> roots = {})
        : directories_(std::move(directories)), roots_(std::move(roots)) {}

    static AllowedFiles everything() { return AllowedFiles({"/"}); }
    [[nodiscard]] bool is_everything() const { return directories_.size() == 1 && directories_.front() == "/"; }

    /// Refuses (invalid_args, naming `key`) what is not an absolute path to a file below an allowed directory, links
    /// resolved. The directories must not be writable for callers: between this check and QEMU a link could change.
    void check(std::string_view key, const std::string& file) const;
    /// The same of a container's root: a directory that is there, and directly in one of those for roots.
    void check_root(std::string_view key, const std::string& directory) const;

private:
    std::vector<std::filesystem::path> directories_;
    std::vector<std::filesystem::path> roots_;
};

inline constexpr const char* default_config_file = "/etc/virtbus/virtbus.json";

struct AllowedDirectories {
    std::vector<std::filesystem::path> files{"/boot", "/var/lib/libvirt/images", "/var/lib/libvirt/boot"};
    std::vector<std::filesystem::path> roots{"/var/lib/libvirt/filesystems", "/var/lib/machines"};  ///< of containers
};

/// What a configuration file says, or the defaults where there is none. Error failed for one that cannot be read.
AllowedFiles read_allowed_files(const std::string& config_file);

}  // namespace virtbus
