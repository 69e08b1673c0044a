// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/identity_survey.h"

#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace virtbus {

namespace {

/// libdbus reads no more.
constexpr off_t most_read = 1 << 20;

using LookKind = IdFileLook::Kind;

IdFileLook unread(LookKind kind, IdState state, std::string failure) {
    IdFileLook look;
    look.kind = kind;
    look.content.state = state;
    look.content.dbus_error = failure;
    look.failure = std::move(failure);
    return look;
}

IdFileLook not_opened(const SystemRoot& root, const std::string& path, int number) {
    auto failure = fmt::format("Failed to open \"{}\": {}", root.shown(path), std::strerror(number));
    if (number == EACCES || number == EPERM) return unread(LookKind::refused, IdState::unknown, std::move(failure));
    const auto link = root.find_link(path);
    const bool leads_nowhere = (number == ENOENT || number == ELOOP) && link && link->is_link();
    if (leads_nowhere)
        return unread(LookKind::dangling, number == ENOENT ? IdState::missing : IdState::invalid, std::move(failure));
    if (number == ENOENT) return unread(LookKind::missing, IdState::missing, std::move(failure));
    return unread(LookKind::refused, number == ENOTDIR ? IdState::missing : IdState::invalid, std::move(failure));
}

/// What has no size is empty, for libdbus: hence devices are, and what the kernel makes up in /proc.
bool reads_as_empty(const NamedFile& file) { return file.status.st_size == 0 && !S_ISFIFO(file.status.st_mode); }

IdFileLook of_content(std::string_view content, const std::string& shown) {
    IdFileLook look;
    look.kind = LookKind::content;
    look.content = classify(content);
    if (!look.content.dbus) look.failure = fmt::format("UUID file '{}' {}", shown, look.content.dbus_error);
    return look;
}

bool has_attribute(const NamedFile& file, decltype(::statx::stx_attributes) attribute) {
    struct ::statx found {};
    if (::statx(file.fd.get(), "", AT_EMPTY_PATH, STATX_BASIC_STATS, &found) != 0) return false;
    return (found.stx_attributes & found.stx_attributes_mask & attribute) != 0;
}

bool is_on_tmpfs(int fd) {
    struct ::statfs found {};
    return ::fstatfs(fd, &found) == 0 && (found.f_type == TMPFS_MAGIC || found.f_type == RAMFS_MAGIC);
}

bool is_on_read_only(int fd) {
    struct ::statvfs found {};
    return ::fstatvfs(fd, &found) == 0 && (found.f_flag & ST_RDONLY) != 0;
}

bool is_read_only(const IdTarget& target) {
    constexpr auto fixed = STATX_ATTR_IMMUTABLE | STATX_ATTR_APPEND;
    NamedFile directory;
    directory.fd = UniqueFd(::fcntl(target.place.directory.get(), F_DUPFD_CLOEXEC, 0));
    return is_on_read_only(directory.fd.get()) || has_attribute(directory, STATX_ATTR_IMMUTABLE) ||
           (target.file && (is_on_read_only(target.file->fd.get()) || has_attribute(*target.file, fixed)));
}

bool is_on_tmpfs(const IdTarget& target) {
    return is_on_tmpfs(target.place.directory.get()) || (target.file && is_on_tmpfs(target.file->fd.get()));
}

bool is_mount_point(const IdTarget& target) {
    return target.file && has_attribute(*target.file, STATX_ATTR_MOUNT_ROOT);
}

/// Whether somebody else has the file, too: not counting that the two are one.
bool is_shared(const IdTargets& targets, const IdTarget& target) {
    const ::nlink_t own = targets.are_one_file() ? 2 : 1;
    return target.file && target.file->is_regular() && target.file->status.st_nlink > own;
}

bool is_same_place(const Place& one, const Place& other) {
    struct ::stat here {};
    struct ::stat there {};
    return one.name == other.name && ::fstat(one.directory.get(), &here) == 0 &&
           ::fstat(other.directory.get(), &there) == 0 && here.st_dev == there.st_dev && here.st_ino == there.st_ino;
}

/// A link may lead to any file; only one that holds an id is taken for a machine-id.
bool counts_as_own(const SystemRoot& root, const IdTarget& target) {
    if (!target.file) return false;
    const auto link = root.find_link(dbus_id_path);
    if (link && !link->is_link()) return true;
    return target.file->is_regular() && look_at_id(root, dbus_id_path).content.dbus;
}

}  // namespace

IdFileLook look_at_id(const SystemRoot& root, const std::string& path) {
    const auto file = root.find(path);
    if (!file) return not_opened(root, path, errno);
    const auto shown = root.shown(path);
    if (reads_as_empty(*file)) return of_content("", shown);
    if (file->status.st_size > most_read)
        return unread(LookKind::refused, IdState::invalid,
                      fmt::format("File size {} of \"{}\" is too large.", file->status.st_size, shown));
    if (!file->is_regular())
        return unread(LookKind::refused, IdState::invalid, fmt::format("\"{}\" is not a regular file", shown));
    const auto content = read_found(*file, static_cast<std::size_t>(file->status.st_size));
    if (!content) return not_opened(root, path, errno);
    return of_content(*content, shown);
}

std::optional<IdTargets> find_id_targets(const SystemRoot& root) {
    auto etc = root.final_place(etc_id_path);
    if (!etc) return std::nullopt;
    IdTargets targets;
    targets.etc.place = std::move(*etc);
    targets.etc.file = find_in(targets.etc.place);
    auto dbus = root.final_place(dbus_id_path);
    if (!dbus) return targets;
    targets.dbus_is_link = is_same_place(targets.etc.place, *dbus);
    if (targets.dbus_is_link) return targets;
    IdTarget target{std::move(*dbus), std::nullopt};
    target.file = find_in(target.place);
    if (counts_as_own(root, target)) targets.dbus = std::move(target);
    return targets;
}

std::vector<std::string> id_obstacles(const IdTargets& targets) {
    const auto any = [&](const auto& holds) { return holds(targets.etc) || (targets.dbus && holds(*targets.dbus)); };
    std::vector<std::string> obstacles;
    if (any(is_mount_point)) obstacles.emplace_back("mount-point");
    if (is_on_tmpfs(targets.etc)) obstacles.emplace_back("tmpfs");
    if (any(is_read_only)) obstacles.emplace_back("read-only");
    if (any([&](const IdTarget& target) { return is_shared(targets, target); })) obstacles.emplace_back("hard-link");
    return obstacles;
}

}  // namespace virtbus
