// SPDX-License-Identifier: LGPL-2.1-or-later
#include "helper/image_lock.h"

#include "helper/failure.h"

#include <fcntl.h>

#include <cerrno>
#include <initializer_list>

namespace virtbus {

namespace {

constexpr off_t done_base = 100;
constexpr off_t refused_base = 200;

constexpr off_t read_it = 0;
constexpr off_t write_it = 1;
constexpr off_t write_unchanged = 2;
constexpr off_t resize_it = 3;

struct flock one_byte(off_t offset, short type) {
    struct flock lock {};
    lock.l_type = type;
    lock.l_whence = SEEK_SET;
    lock.l_start = offset;
    lock.l_len = 1;
    return lock;
}

bool is_held_by_others(int fd, off_t offset, const std::string& act) {
    auto lock = one_byte(offset, F_WRLCK);
    if (::fcntl(fd, F_OFD_GETLK, &lock) != 0) throw system_failure(act + ": the file cannot be locked", errno);
    return lock.l_type != F_UNLCK;
}

void hold(int fd, off_t offset, const std::string& act) {
    auto lock = one_byte(offset, F_RDLCK);
    if (::fcntl(fd, F_OFD_SETLK, &lock) != 0) throw system_failure(act + ": the file cannot be locked", errno);
}

/// As QEMU has it: first say what we do and what we cannot bear, then look whether somebody else said the contrary.
void claim(int fd, std::initializer_list<off_t> done, std::initializer_list<off_t> refused, const std::string& act) {
    for (const auto what : done) hold(fd, done_base + what, act);
    for (const auto what : refused) hold(fd, refused_base + what, act);
    bool is_free = true;
    for (const auto what : done) is_free = is_free && !is_held_by_others(fd, refused_base + what, act);
    for (const auto what : refused) is_free = is_free && !is_held_by_others(fd, done_base + what, act);
    if (!is_free) throw Error(Code::in_use, "Cannot " + act + ": a running machine or another program has it open");
}

}  // namespace

void lock_image(int fd, Hold how, const std::string& act) {
    switch (how) {
        case Hold::still: claim(fd, {}, {write_it, resize_it}, act); break;
        case Hold::alone:
            claim(fd, {read_it, write_it, resize_it}, {read_it, write_it, write_unchanged, resize_it}, act);
            break;
    }
}

}  // namespace virtbus
