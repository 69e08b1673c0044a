// SPDX-License-Identifier: LGPL-2.1-or-later
// Work on all bytes of a file that are there; what was never written stays a hole. One thread.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace virtbus {

/// Called with the bytes done so far, often; throws if the work is to end.
using Advance = std::function<void(std::uint64_t)>;

/// The bytes that work on all of `fd` is about.
std::uint64_t bytes_of_data(int fd);

/// `to` is empty. A file system that can share blocks between files does.
void copy_data(int from, int to, const std::string& act, const Advance& advance);

/// Overwrites with zeros, down to the disk. The size stays.
void overwrite_data(int fd, const std::string& act, const Advance& advance);

}  // namespace virtbus
