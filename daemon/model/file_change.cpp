// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/file_change.h"

#include "model/error.h"

#include <fmt/format.h>
#include <sys/xattr.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>

namespace virtbus {

namespace {

/// No file that is changed here is that big.
constexpr off_t biggest_file = 1 << 20;

/// Of errno.
Error change_failure(const std::string& verb, const std::string& path) {
    const int number = errno;
    const auto code = number == ENOSPC || number == EDQUOT ? Code::no_space : Code::failed;
    return {code, fmt::format("Could not {} {}: {}", verb, path, std::strerror(number))};
}

/// Hidden, of that place alone, and the same each time: a leftover is found again.
std::string temporary_name(const Place& place) { return "." + place.name + ".virtbus"; }

[[nodiscard]] bool write_content(int fd, const std::string& content) {
    for (std::size_t at = 0; at < content.size();) {
        const auto count = ::pwrite(fd, content.data() + at, content.size() - at, static_cast<off_t>(at));
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) return false;
        at += static_cast<std::size_t>(count);
    }
    return true;
}

/// Where there is no SELinux, there is nothing to copy.
[[nodiscard]] bool copy_label(const NamedFile& from, int to) {
    constexpr auto attribute = "security.selinux";
    const auto source = open_found(from, O_RDONLY);
    if (!source) return true;
    std::array<char, 4096> label{};
    const auto size = ::fgetxattr(source.get(), attribute, label.data(), label.size());
    if (size < 0) return errno == ENODATA || errno == EOPNOTSUPP;
    return ::fsetxattr(to, attribute, label.data(), static_cast<std::size_t>(size), 0) == 0 || errno == EOPNOTSUPP;
}

[[nodiscard]] bool make_like(int fd, const FileKind& kind) {
    // Who may not give files away keeps them, as with any other program.
    if (::fchown(fd, kind.owner, kind.group) != 0 && errno != EPERM) return false;
    if (::fchmod(fd, kind.mode & 07777) != 0) return false;
    return kind.label == nullptr || copy_label(*kind.label, fd);
}

[[nodiscard]] bool name_if_free(int directory, const std::string& from, const std::string& to) {
    if (::renameat2(directory, from.c_str(), directory, to.c_str(), RENAME_NOREPLACE) == 0) return true;
    // Not every file system can do that; then the file has two names for a moment, until the temporary one is removed.
    if (errno != EINVAL && errno != ENOSYS) return false;
    return ::linkat(directory, from.c_str(), directory, to.c_str(), 0) == 0;
}

}  // namespace

void sync_directory(const Place& place) {
    // Some file systems know no such thing.
    if (::fsync(place.directory.get()) != 0 && errno != EINVAL)
        throw change_failure("sync the directory of", place.path);
}

Replacement::Replacement(const Place& place) : place_(&place), temporary_(temporary_name(place)) {
    remove_leftover(place);
}

Replacement::Replacement(Replacement&& other) noexcept
    : place_(other.place_),
      temporary_(std::move(other.temporary_)),
      is_waiting_(std::exchange(other.is_waiting_, false)) {}

Replacement::~Replacement() {
    if (is_waiting_) ::unlinkat(place_->directory.get(), temporary_.c_str(), 0);
}

Replacement Replacement::file(const Place& place, const std::string& content, const FileKind& kind) {
    Replacement result(place);
    const UniqueFd fd(::openat(place.directory.get(), result.temporary_.c_str(),
                               O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!fd) throw change_failure("create", place.path);
    result.is_waiting_ = true;
    if (!write_content(fd.get(), content) || !make_like(fd.get(), kind) || ::fsync(fd.get()) != 0)
        throw change_failure("write", place.path);
    return result;
}

Replacement Replacement::link(const Place& place, const std::string& target) {
    Replacement result(place);
    if (::symlinkat(target.c_str(), place.directory.get(), result.temporary_.c_str()) != 0)
        throw change_failure("create", place.path);
    result.is_waiting_ = true;
    return result;
}

void Replacement::take_place() {
    const int directory = place_->directory.get();
    if (::renameat(directory, temporary_.c_str(), directory, place_->name.c_str()) != 0)
        throw change_failure("replace", place_->path);
    is_waiting_ = false;
}

bool Replacement::take_free_place() {
    if (name_if_free(place_->directory.get(), temporary_, place_->name)) {
        sync_directory(*place_);
        return true;
    }
    if (errno != EEXIST) throw change_failure("create", place_->path);
    return false;
}

void remove_leftover(const Place& place) {
    if (::unlinkat(place.directory.get(), temporary_name(place).c_str(), 0) != 0 && errno != ENOENT && errno != EROFS)
        throw change_failure("remove what was left over beside", place.path);
}

WritingInPlace::WritingInPlace(const NamedFile& file, std::string path) : path_(std::move(path)) {
    if (!file.is_regular()) throw Error(Code::failed, fmt::format("\"{}\" is not a regular file", path_));
    if (file.status.st_size > biggest_file)
        throw Error(Code::failed, fmt::format("File size {} of \"{}\" is too large: it holds something else than a "
                                              "machine-id, move it away",
                                              file.status.st_size, path_));
    auto before = read_found(file, static_cast<std::size_t>(file.status.st_size));
    if (!before) throw change_failure("read", path_);
    before_ = std::move(*before);
    fd_ = open_found(file, O_WRONLY);
    if (!fd_) throw change_failure("open", path_);
}

bool WritingInPlace::overwrite(const std::string& content) {
    // Not truncated before: a full disk then leaves an empty file, which is none that can be put back.
    return write_content(fd_.get(), content) && ::ftruncate(fd_.get(), static_cast<off_t>(content.size())) == 0 &&
           ::fsync(fd_.get()) == 0;
}

void WritingInPlace::write(const std::string& content) {
    if (overwrite(content)) return;
    const auto failure = change_failure("write", path_);
    undo();
    throw failure;
}

void WritingInPlace::undo() {
    if (!overwrite(before_)) throw change_failure("put back the content of", path_);
}

}  // namespace virtbus
