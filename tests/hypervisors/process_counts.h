// SPDX-License-Identifier: LGPL-2.1-or-later
// How many threads and descriptors a process has.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <filesystem>
#include <ostream>
#include <string>

namespace virtbus::test {

struct ProcessCounts {
    std::size_t threads = 0;
    std::size_t descriptors = 0;

    static ProcessCounts of(pid_t pid) { return {entries(pid, "task"), entries(pid, "fd")}; }
    /// Whether there is no more of anything than in `other`.
    [[nodiscard]] bool fits(const ProcessCounts& other) const {
        return threads <= other.threads && descriptors <= other.descriptors;
    }
    friend std::ostream& operator<<(std::ostream& stream, const ProcessCounts& counts) {
        return stream << counts.threads << " threads, " << counts.descriptors << " descriptors";
    }

private:
    static std::size_t entries(pid_t pid, const char* name) {
        const auto begin = std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/" + name);
        return static_cast<std::size_t>(std::distance(begin, std::filesystem::directory_iterator{}));
    }
};

}  // namespace virtbus::test
