// SPDX-License-Identifier: LGPL-2.1-or-later
#include "helper/file_data.h"

#include "helper/failure.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

namespace virtbus {

namespace {

constexpr off_t chunk = 1 << 20;
/// So that what waits in memory is little: the disk's time is seen as we go, and whoever cancels need not wait for it.
constexpr off_t sync_every = 64 << 20;

off_t size_of(int fd, const std::string& act) {
    struct stat found {};
    if (::fstat(fd, &found) != 0) throw system_failure(act, errno);
    return found.st_size;
}

/// Calls work(offset, at most so much) for all data, as often as needed; it returns how much it did.
template <typename Work>
void for_all_data(int fd, const std::string& act, const Advance& advance, Work work) {
    std::uint64_t processed = 0;
    off_t end = 0;
    for (;;) {
        off_t at = ::lseek(fd, end, SEEK_DATA);
        if (at < 0 && errno == ENXIO) return;
        end = at < 0 ? at : ::lseek(fd, at, SEEK_HOLE);
        if (end < 0) throw system_failure(act, errno);
        while (at < end) {
            const auto done = work(at, std::min(chunk, end - at));
            at += done;
            processed += static_cast<std::uint64_t>(done);
            advance(processed);
        }
    }
}

/// By reading and writing, where the kernel cannot copy by itself.
off_t copy_by_hand(int from, int to, off_t at, off_t most, std::vector<char>& buffer, const std::string& act) {
    buffer.resize(chunk);
    const auto size = ::pread(from, buffer.data(), static_cast<std::size_t>(most), at);
    if (size < 0) throw system_failure(act, errno);
    if (size == 0) throw Error(Code::failed, "Cannot " + act + ": it became shorter meanwhile");
    const auto written = ::pwrite(to, buffer.data(), static_cast<std::size_t>(size), at);
    if (written < 0) throw system_failure(act, errno);
    return written;
}

}  // namespace

std::uint64_t bytes_of_data(int fd) {
    struct stat found {};
    if (::fstat(fd, &found) != 0) return 0;
    return static_cast<std::uint64_t>(std::min(found.st_size, off_t{found.st_blocks} * 512));
}

void copy_data(int from, int to, const std::string& act, const Advance& advance) {
    if (::ioctl(to, FICLONE, from) == 0) return;
    std::vector<char> buffer;
    bool kernel_can = true;
    for_all_data(from, act, advance, [&](off_t at, off_t most) {
        off_t in = at;
        off_t out = at;
        if (kernel_can) {
            const auto size = ::copy_file_range(from, &in, to, &out, static_cast<std::size_t>(most), 0);
            if (size > 0) return off_t{size};
            kernel_can = false;
        }
        return copy_by_hand(from, to, at, most, buffer, act);
    });
    if (::ftruncate(to, size_of(from, act)) != 0) throw system_failure(act, errno);
}

void overwrite_data(int fd, const std::string& act, const Advance& advance) {
    const std::vector<char> zeros(chunk);
    off_t unsynced = 0;
    for_all_data(fd, act, advance, [&](off_t at, off_t most) {
        const auto written = ::pwrite(fd, zeros.data(), static_cast<std::size_t>(most), at);
        if (written < 0) throw system_failure(act, errno);
        unsynced += written;
        if (unsynced >= sync_every) {
            if (::fdatasync(fd) != 0) throw system_failure(act, errno);
            unsynced = 0;
        }
        return off_t{written};
    });
    if (::fdatasync(fd) != 0) throw system_failure(act, errno);
}

}  // namespace virtbus
