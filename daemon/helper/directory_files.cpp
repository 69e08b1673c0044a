// SPDX-License-Identifier: LGPL-2.1-or-later
#include "helper/directory_files.h"

#include "helper/failure.h"

#include <cerrno>

namespace virtbus {

namespace {

FileFacts directory_facts(const struct ::stat& found) {
    auto kind = FileFacts::Kind::other;
    if (S_ISREG(found.st_mode)) kind = FileFacts::Kind::regular;
    if (S_ISDIR(found.st_mode)) kind = FileFacts::Kind::directory;
    if (S_ISLNK(found.st_mode)) kind = FileFacts::Kind::link;
    return {.kind = kind,
            .device = static_cast<std::int64_t>(found.st_dev),
            .inode = static_cast<std::int64_t>(found.st_ino),
            .links = static_cast<std::int64_t>(found.st_nlink),
            .size = found.st_size};
}

FileFacts directory_facts(const std::optional<NamedFile>& found, const std::string& act) {
    if (found) return directory_facts(found->status);
    if (errno != ENOENT && errno != ENOTDIR && errno != ELOOP) throw system_failure(act, errno);
    return {};
}

void write_bytes(int fd, std::uint64_t offset, std::string_view bytes, const std::string& act) {
    while (!bytes.empty()) {
        const auto size = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
        if (size < 0 && errno == EINTR) continue;
        if (size <= 0) throw system_failure(act, size == 0 ? ENOSPC : errno);
        offset += static_cast<std::uint64_t>(size);
        bytes.remove_prefix(static_cast<std::size_t>(size));
    }
}

}  // namespace

FileFacts DirectoryFiles::look(const std::string& path) {
    return directory_facts(root_.find_link(path), "look at " + root_.shown(path));
}

FileFacts DirectoryFiles::look_through(const std::string& path) {
    return directory_facts(root_.find(path), "look at " + root_.shown(path));
}

UniqueFd DirectoryFiles::open(const std::string& path, int flags) const {
    const auto found = root_.find(path);
    auto file = found ? open_found(*found, flags) : UniqueFd();
    if (!file) throw system_failure("open " + root_.shown(path), errno);
    return file;
}

Place DirectoryFiles::place(const std::string& path) const {
    auto found = root_.place(path);
    if (!found) throw system_failure("find " + root_.shown(path), errno);
    return std::move(*found);
}

std::string DirectoryFiles::read(const std::string& path, std::uint64_t offset, std::size_t size) {
    const auto file = open(path, O_RDONLY);
    std::string text(size, '\0');
    std::size_t done = 0;
    while (done < size) {
        const auto got = ::pread(file.get(), text.data() + done, size - done, static_cast<off_t>(offset + done));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) throw system_failure("read " + root_.shown(path), errno);
        if (got == 0) break;
        done += static_cast<std::size_t>(got);
    }
    text.resize(done);
    return text;
}

std::vector<std::string> DirectoryFiles::match(const std::string& /*pattern*/) { return {}; }

void DirectoryFiles::write(const std::string& path, std::uint64_t offset, std::string_view bytes) {
    write_bytes(open(path, O_WRONLY).get(), offset, bytes, "write " + root_.shown(path));
}

void DirectoryFiles::cut(const std::string& path, std::uint64_t size) {
    const auto file = open(path, O_WRONLY);
    if (::ftruncate(file.get(), static_cast<off_t>(size)) != 0) throw system_failure("cut " + root_.shown(path), errno);
}

void DirectoryFiles::create(const std::string& path, std::string_view content, mode_t mode) {
    const auto act = "make " + root_.shown(path);
    const auto where = place(path);
    const UniqueFd file(::openat(where.directory.get(), where.name.c_str(),
                                 O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode));
    if (!file) throw system_failure(act, errno);
    try {
        write_bytes(file.get(), 0, content, act);
        const auto owner = root_.status();
        if (::fchown(file.get(), owner.st_uid, owner.st_gid) != 0 || ::fchmod(file.get(), mode) != 0)
            throw system_failure(act, errno);
    } catch (const Error&) {
        ::unlinkat(where.directory.get(), where.name.c_str(), 0);
        throw;
    }
}

void DirectoryFiles::link(const std::string& target, const std::string& path) {
    const auto where = place(path);
    if (::symlinkat(target.c_str(), where.directory.get(), where.name.c_str()) != 0)
        throw system_failure("make " + root_.shown(path), errno);
}

void DirectoryFiles::rename(const std::string& from, const std::string& to) {
    const auto old = place(from);
    const auto other = place(to);
    if (::renameat(old.directory.get(), old.name.c_str(), other.directory.get(), other.name.c_str()) != 0)
        throw system_failure("rename " + root_.shown(from), errno);
}

void DirectoryFiles::remove(const std::string& path) {
    const auto where = place(path);
    if (::unlinkat(where.directory.get(), where.name.c_str(), 0) != 0 && errno != ENOENT)
        throw system_failure("remove " + root_.shown(path), errno);
}

void DirectoryFiles::settle() {
    // The root's own descriptor is good for nothing but finding files.
    const UniqueFd directory(::openat(root_.fd(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!directory || ::syncfs(directory.get()) != 0)
        throw system_failure("write what was changed to " + root_.shown("/"), errno);
}

}  // namespace virtbus
