// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/system_root.h"

#include "model/error.h"

#include <fmt/format.h>
#include <linux/openat2.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/syscall.h>

#include <cerrno>
#include <chrono>
#include <climits>
#include <cstring>

namespace virtbus {

namespace {

constexpr int most_links = 40;  // as the kernel's
constexpr int most_attempts = 100;
constexpr std::chrono::seconds lock_patience{5};
constexpr int lock_pause = 10;  // milliseconds

UniqueFd open_below(int root, const std::string& path, int flags) {
    ::open_how how{};
    how.flags = static_cast<decltype(how.flags)>(flags | O_CLOEXEC);
    how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
    for (int attempt = 1;; ++attempt) {
        const auto fd = ::syscall(SYS_openat2, root, path.c_str(), &how, sizeof how);
        if (fd >= 0) return UniqueFd(static_cast<int>(fd));
        // It cannot tell whether ".." has led out when something was renamed at the same time.
        if ((errno != EAGAIN && errno != EINTR) || attempt == most_attempts) return {};
    }
}

std::optional<NamedFile> looked_at(UniqueFd fd) {
    if (!fd) return std::nullopt;
    NamedFile file;
    file.fd = std::move(fd);
    if (::fstat(file.fd.get(), &file.status) != 0) return std::nullopt;
    return file;
}

std::optional<std::string> link_target(const Place& place) {
    std::string target(PATH_MAX, '\0');
    const auto size = ::readlinkat(place.directory.get(), place.name.c_str(), target.data(), target.size());
    if (size < 0) return std::nullopt;
    target.resize(static_cast<std::size_t>(size));
    return target;
}

}  // namespace

SystemRoot::SystemRoot(const std::string& path)
    : root_(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)), name_(path) {
    if (!root_)
        throw Error(Code::failed,
                    fmt::format("Cannot look below {}: {}", path.empty() ? "\"\"" : path, std::strerror(errno)));
    while (!name_.empty() && name_.back() == '/') name_.pop_back();
}

std::optional<NamedFile> SystemRoot::find(const std::string& path, int flags) const {
    return looked_at(open_below(root_.get(), path, O_PATH | flags));
}

std::optional<Place> SystemRoot::place(const std::string& path) const {
    const auto slash = path.rfind('/');
    Place place;
    place.name = path.substr(slash + 1);
    place.path = shown(path);
    if (place.name.empty() || place.name == "." || place.name == "..") {
        errno = EISDIR;
        return std::nullopt;
    }
    // Not O_PATH: it is synced.
    place.directory = open_below(root_.get(), path.substr(0, slash + 1), O_RDONLY | O_DIRECTORY);
    if (!place.directory) return std::nullopt;
    return place;
}

std::optional<Place> SystemRoot::final_place(const std::string& path) const {
    auto at = path;
    for (int links = 0; links <= most_links; ++links) {
        auto found = place(at);
        if (!found) return std::nullopt;
        const auto target = link_target(*found);
        if (!target) return found;
        at = target->front() == '/' ? *target : at.substr(0, at.rfind('/') + 1) + *target;
    }
    errno = ELOOP;
    return std::nullopt;
}

struct ::stat SystemRoot::status() const {
    struct ::stat status {};
    if (::fstat(root_.get(), &status) != 0)
        throw Error(Code::failed, fmt::format("Cannot look at {}/: {}", name_, std::strerror(errno)));
    return status;
}

RootLock::RootLock(const SystemRoot& root) : directory_(::openat(root.fd(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
    if (!directory_)
        throw Error(Code::failed, fmt::format("Cannot open {}: {}", root.shown("/"), std::strerror(errno)));
    const auto end = std::chrono::steady_clock::now() + lock_patience;
    while (::flock(directory_.get(), LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            throw Error(Code::failed, fmt::format("Cannot lock {}: {}", root.shown("/"), std::strerror(errno)));
        if (std::chrono::steady_clock::now() > end)
            throw Error(Code::busy, fmt::format("Somebody holds a lock on {}: lslocks(8) tells who", root.shown("/")));
        ::poll(nullptr, 0, lock_pause);
    }
}

std::optional<NamedFile> find_in(const Place& place) {
    return looked_at(UniqueFd(::openat(place.directory.get(), place.name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC)));
}

UniqueFd open_found(const NamedFile& file, int flags) {
    // The link in /proc leads to what is open, whatever has become of its name. What is no regular file is not opened:
    // with some devices that alone does something.
    if (!file.is_regular()) {
        errno = EINVAL;
        return {};
    }
    const auto path = fmt::format("/proc/self/fd/{}", file.fd.get());
    return UniqueFd(::open(path.c_str(), flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
}

std::optional<std::string> read_found(const NamedFile& file, std::size_t size) {
    const auto fd = open_found(file, O_RDONLY);
    if (!fd) return std::nullopt;
    std::string content(size, '\0');
    std::size_t at = 0;
    while (at < size) {
        const auto count = ::read(fd.get(), content.data() + at, size - at);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return std::nullopt;
        if (count == 0) break;
        at += static_cast<std::size_t>(count);
    }
    content.resize(at);
    return content;
}

}  // namespace virtbus
