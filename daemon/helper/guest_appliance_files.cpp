// SPDX-License-Identifier: LGPL-2.1-or-later
// The part of the appliance that is about files of a system that is mounted in it.
#include "helper/guest_appliance.h"

#include "base/utf8.h"
#include "model/error.h"

#include <fmt/format.h>
#include <guestfs.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <memory>

namespace virtbus {

namespace {

constexpr std::size_t read_max = 1 << 20;  // of one message, which has at most 4 MiB

struct FreeFacts {
    void operator()(struct guestfs_statns* facts) const { ::guestfs_free_statns(facts); }
};
using OwnedFacts = std::unique_ptr<struct guestfs_statns, FreeFacts>;

struct FreeBytes {
    void operator()(char* bytes) const { std::free(bytes); }
};
using OwnedBytes = std::unique_ptr<char, FreeBytes>;

FileFacts::Kind kind_of_mode(mode_t mode) {
    if (S_ISREG(mode)) return FileFacts::Kind::regular;
    if (S_ISDIR(mode)) return FileFacts::Kind::directory;
    if (S_ISLNK(mode)) return FileFacts::Kind::link;
    return FileFacts::Kind::other;
}

FileFacts appliance_facts(const struct guestfs_statns& found) {
    return {.kind = kind_of_mode(static_cast<mode_t>(found.st_mode)),
            .device = found.st_dev,
            .inode = found.st_ino,
            .links = found.st_nlink,
            .size = found.st_size};
}

bool says_missing(int number) { return number == ENOENT || number == ENOTDIR || number == ELOOP; }

std::string in_guest(const char* verb, const std::string& path) {
    return fmt::format("{} {} in the guest", verb, to_utf8(path));
}

}  // namespace

FileFacts GuestAppliance::look(const std::string& path) {
    const OwnedFacts facts(::guestfs_lstatns(handle_, path.c_str()));
    if (facts) return appliance_facts(*facts);
    if (!says_missing(::guestfs_last_errno(handle_))) fail(in_guest("look at", path));
    return {};
}

FileFacts GuestAppliance::look_through(const std::string& path) {
    const OwnedFacts facts(::guestfs_statns(handle_, path.c_str()));
    if (facts) return appliance_facts(*facts);
    if (!says_missing(::guestfs_last_errno(handle_))) fail(in_guest("look at", path));
    return {};
}

std::string GuestAppliance::read(const std::string& path, std::uint64_t offset, std::size_t size) {
    std::string text;
    while (text.size() < size) {
        std::size_t got = 0;
        const auto wanted = static_cast<int>(std::min(size - text.size(), read_max));
        const auto from = static_cast<std::int64_t>(offset + text.size());
        const OwnedBytes bytes(::guestfs_pread(handle_, path.c_str(), wanted, from, &got));
        if (!bytes) fail(in_guest("read", path));
        if (got == 0) break;
        text.append(bytes.get(), got);
    }
    return text;
}

std::vector<std::string> GuestAppliance::match(const std::string& pattern) {
    if (pattern.find_first_of("*[") == std::string::npos)
        return look_through(pattern).kind == FileFacts::Kind::missing ? std::vector<std::string>()
                                                                      : std::vector{pattern};
    return take(::guestfs_glob_expand_opts(handle_, pattern.c_str(), GUESTFS_GLOB_EXPAND_OPTS_DIRECTORYSLASH, 0, -1),
                in_guest("look at each of", pattern));
}

void GuestAppliance::write(const std::string& path, std::uint64_t offset, std::string_view bytes) {
    while (!bytes.empty()) {
        const int written = ::guestfs_pwrite(handle_, path.c_str(), bytes.data(), std::min(bytes.size(), read_max),
                                             static_cast<std::int64_t>(offset));
        if (written <= 0) fail(in_guest("write", path));
        offset += static_cast<std::uint64_t>(written);
        bytes.remove_prefix(static_cast<std::size_t>(written));
    }
}

void GuestAppliance::cut(const std::string& path, std::uint64_t size) {
    check(::guestfs_truncate_size(handle_, path.c_str(), static_cast<std::int64_t>(size)), in_guest("cut", path));
}

void GuestAppliance::create(const std::string& path, std::string_view content, mode_t mode) {
    const auto temporary = path + ".virtbus-new";
    const auto act = in_guest("make", path);
    check(::guestfs_rm_f(handle_, temporary.c_str()), act);
    try {
        check(::guestfs_write(handle_, temporary.c_str(), content.data(), content.size()), act);
        check(::guestfs_chmod(handle_, static_cast<int>(mode), temporary.c_str()), act);
        std::size_t size = 0;
        const auto directory = path.substr(0, path.rfind('/') + 1);
        const OwnedBytes label(::guestfs_getxattr(handle_, directory.c_str(), "security.selinux", &size));
        if (label)
            check(
                ::guestfs_setxattr(handle_, "security.selinux", label.get(), static_cast<int>(size), temporary.c_str()),
                act);
        check(::guestfs_rename(handle_, temporary.c_str(), path.c_str()), act);
    } catch (const Error&) {
        ::guestfs_rm_f(handle_, temporary.c_str());
        throw;
    }
}

void GuestAppliance::link(const std::string& target, const std::string& path) {
    check(::guestfs_ln_s(handle_, target.c_str(), path.c_str()), in_guest("make the link", path));
}

void GuestAppliance::rename(const std::string& from, const std::string& to) {
    check(::guestfs_rename(handle_, from.c_str(), to.c_str()), in_guest("rename", from));
}

void GuestAppliance::remove(const std::string& path) {
    check(::guestfs_rm_f(handle_, path.c_str()), in_guest("remove", path));
}

void GuestAppliance::settle() {
    check(::guestfs_sync(handle_), "write what was changed to the guest's disk");
    check(::guestfs_drop_caches(handle_, 3), "read the guest's disk again");
}

}  // namespace virtbus
