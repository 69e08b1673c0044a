// SPDX-License-Identifier: LGPL-2.1-or-later
#include "helper/target.h"

#include "helper/failure.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <cerrno>
#include <cstdio>

namespace virtbus {

namespace {

/// How long QEMU may take from opening a file to locking it.
constexpr int lock_after = 200;  // milliseconds

[[noreturn]] void refuse(const std::string& text) { throw Error(Code::invalid_args, text); }

void check_name(const std::string& name) {
    if (name.empty() || name == "." || name == ".." || name.find('/') != std::string::npos ||
        name.find('\0') != std::string::npos)
        refuse(fmt::format("\"{}\" is not a name in a directory", name));
}

void check_temporary_name(const std::string& name) {
    check_name(name);
    if (name.compare(0, temporary_prefix.size(), temporary_prefix) != 0)
        refuse(fmt::format("\"{}\" is not a temporary name: they begin with \"{}\"", name, temporary_prefix));
}

const std::string& checked_path(const std::string& path) {
    if (path.empty() || path.front() != '/' || path.find('\0') != std::string::npos)
        refuse(fmt::format("\"{}\" is not an absolute path", path));
    return path;
}

struct stat stat_of(int fd, const std::string& act) {
    struct stat found {};
    if (::fstat(fd, &found) != 0) throw system_failure(act, errno);
    return found;
}

bool is_same(const struct stat& one, const struct stat& other) {
    return one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}

/// Whether `name` is still the file that we have open.
bool still_names(const Directory& directory, const std::string& name, int fd) {
    struct stat named {};
    return ::fstatat(directory.fd(), name.c_str(), &named, AT_SYMLINK_NOFOLLOW) == 0 &&
           is_same(named, stat_of(fd, "look at " + directory.path_of(name)));
}

/// Regular ones alone; nothing that blocks, and no link to a file elsewhere.
UniqueFd open_regular(int directory, const std::string& name, int flags, const std::string& path) {
    UniqueFd fd(::openat(directory, name.c_str(), flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    if (!fd && errno == ELOOP) refuse(path + " is a symbolic link, and must be the file itself");
    if (!fd) throw system_failure("open " + path, errno);
    if (!S_ISREG(stat_of(fd.get(), "open " + path).st_mode)) refuse(path + " is not a regular file");
    return fd;
}

UniqueFd make_file(const Directory& directory, const std::string& name) {
    UniqueFd fd(::openat(directory.fd(), name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    const auto path = directory.path_of(name);
    if (!fd && errno == EEXIST) throw Error(Code::failed, path + " is left over from before: remove it");
    if (!fd) throw system_failure("make " + path, errno);
    return fd;
}

}  // namespace

Directory::Directory(const std::string& path) : path_(checked_path(path)) {
    while (path_.size() > 1 && path_.back() == '/') path_.pop_back();
    fd_ = UniqueFd(::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd_ && errno == ENOENT) throw Error(Code::failed, fmt::format("There is no directory {}", path_));
    if (!fd_ && errno == ENOTDIR) refuse(fmt::format("{} is not a directory", path_));
    if (!fd_) throw system_failure("open the directory " + path_, errno);
}

void Directory::sync() const {
    if (::fsync(fd_.get()) != 0) throw system_failure("write the directory " + path_, errno);
}

Temporary::Temporary(const Directory& directory, const std::string& name, Start start)
    : directory_(directory), name_(name) {
    check_temporary_name(name);
    switch (start) {
        case Start::make: fd_ = make_file(directory, name); break;
        case Start::take_over: fd_ = open_regular(directory.fd(), name, O_RDWR, directory.path_of(name)); break;
    }
}

Temporary::~Temporary() {
    if (!is_kept_) ::unlinkat(directory_.fd(), name_.c_str(), 0);
}

bool Temporary::remove(const Directory& directory, const std::string& name) {
    check_temporary_name(name);
    if (::unlinkat(directory.fd(), name.c_str(), 0) == 0) return true;
    if (errno != ENOENT) throw system_failure("remove " + directory.path_of(name), errno);
    return false;
}

void Temporary::remove() {
    remove(directory_, name_);
    keep();
}

UniqueFd open_image(const std::string& path, int flags) {
    return open_regular(AT_FDCWD, checked_path(path), flags, path);
}

bool is_same_file(int one, int other) {
    return is_same(stat_of(one, "look at an image"), stat_of(other, "look at an image"));
}

Target::Target(const NewFile& file, Temporary::Start start, Hold hold)
    : file_(file),
      directory_(file.directory),
      temporary_(directory_, file.temporary, start),
      act_((file.replace ? "replace " : "make ") + directory_.path_of(file.name)) {
    if (file.name.empty()) return;
    check_name(file.name);
    if (file.name.compare(0, temporary_prefix.size(), temporary_prefix) == 0)
        refuse(fmt::format("\"{}\" is a temporary name", file.name));
    struct stat found {};
    if (file.replace)
        open_old(hold);
    else if (::fstatat(directory_.fd(), file.name.c_str(), &found, AT_SYMLINK_NOFOLLOW) == 0)
        throw Error(Code::already_exists, directory_.path_of(file.name) + " exists already");
}

void Target::open_old(Hold hold) {
    // A lock that nobody else may have needs a file that we could write.
    const int flags = hold == Hold::alone ? O_RDWR : O_RDONLY;
    old_ = open_regular(directory_.fd(), file_.name, flags, directory_.path_of(file_.name));
    lock_image(old_.get(), hold, act_);
}

void Target::finish() const {
    if (!still_names(directory_, file_.temporary, fd()))
        throw Error(Code::failed, fmt::format("Cannot {}: somebody else changed {}", act_, path()));
    if (old_) {
        if (!still_names(directory_, file_.name, old_fd()))
            throw Error(Code::in_use, fmt::format("Cannot {}: somebody else replaced it meanwhile", act_));
        const auto old = stat_of(old_fd(), act_);
        const auto own = stat_of(fd(), act_);
        const bool has_owner = own.st_uid == old.st_uid && own.st_gid == old.st_gid;
        if (!has_owner && ::fchown(fd(), old.st_uid, old.st_gid) != 0) throw system_failure(act_, errno);
        if (::fchmod(fd(), old.st_mode & 07777) != 0) throw system_failure(act_, errno);
    }
    if (::fsync(fd()) != 0) throw system_failure(act_, errno);
}

void Target::require_space(std::uint64_t bytes) const {
    struct statvfs space {};
    if (::fstatvfs(directory_.fd(), &space) != 0) throw system_failure(act_, errno);
    const auto left = std::uint64_t{space.f_bavail} * space.f_frsize;
    if (bytes > left)
        throw Error(Code::no_space, fmt::format("Cannot {}: {} bytes are needed, and {} are left", act_, bytes, left));
}

void Target::publish() {
    finish();
    if (file_.name.empty()) return temporary_.keep();
    if (old_)
        replace();
    else
        add();
    temporary_.keep();
    directory_.sync();
    // Whoever opened the old file a moment ago must still find it locked, and not go on with what has no name.
    if (old_) ::poll(nullptr, 0, lock_after);
}

void Target::add() const {
    const auto* from = file_.temporary.c_str();
    const auto* to = file_.name.c_str();
    const int dir = directory_.fd();
    int number = ::renameat2(dir, from, dir, to, RENAME_NOREPLACE) == 0 ? 0 : errno;
    // Some file systems, such as NFS, know only links to refuse a name that is taken.
    if (number == EINVAL && ::linkat(dir, from, dir, to, 0) == 0)
        number = ::unlinkat(dir, from, 0) == 0 ? 0 : errno;
    else if (number == EINVAL)
        number = errno;
    if (number == EEXIST) throw Error(Code::already_exists, directory_.path_of(file_.name) + " exists already");
    if (number != 0) throw system_failure(act_, number);
}

void Target::replace() const {
    const int dir = directory_.fd();
    if (::renameat(dir, file_.temporary.c_str(), dir, file_.name.c_str()) != 0) throw system_failure(act_, errno);
}

void Target::exchange() {
    finish();
    const int dir = directory_.fd();
    if (::renameat2(dir, file_.temporary.c_str(), dir, file_.name.c_str(), RENAME_EXCHANGE) != 0)
        throw system_failure(act_, errno);
    directory_.sync();
}

}  // namespace virtbus
