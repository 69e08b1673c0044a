// SPDX-License-Identifier: LGPL-2.1-or-later
// The way into a container: its namespaces, its cgroups, and no more rights than its first process has. What that
// process is, the kernel says: nothing inside the container is believed. virtbus-container-helper's one thread.
#pragma once

#include "base/unique_fd.h"

#include <sys/types.h>

#include <cstdint>
#include <vector>

namespace virtbus {

class ContainerEntrance {
public:
    /// `namespaces`: descriptors of some or all of them, among them that of its processes. Error invalid_state when it
    /// has ended.
    explicit ContainerEntrance(const std::vector<int>& namespaces);

    /// As fork(2), of a process that is born in the container. Error failed, or invalid_state when it has ended.
    [[nodiscard]] pid_t bear() const;
    /// The rest of the way, for that process. Error failed.
    void enter() const;

private:
    int processes_ = -1;  ///< the namespace of its processes
    int users_ = -1;      ///< that of its users, where it is another than ours
    std::vector<int> others_;
    std::vector<UniqueFd> cgroups_;  ///< cgroup.procs of those of its first process
    std::uint64_t rights_ = 0;       ///< its capability bounding set
};

}  // namespace virtbus
