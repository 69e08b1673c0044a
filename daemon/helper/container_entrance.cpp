// SPDX-License-Identifier: LGPL-2.1-or-later
#include "helper/container_entrance.h"

#include "model/error.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>

namespace virtbus {

namespace {

namespace fs = std::filesystem;

Error cannot(std::string_view act) {
    return {Code::failed, fmt::format("Cannot {}: {}", act, ::strerrordesc_np(errno))};
}

int type_of(int space) { return ::ioctl(space, NS_GET_NSTYPE); }

bool is_same(const struct stat& one, const struct stat& other) {
    return one.st_ino == other.st_ino && one.st_dev == other.st_dev;
}

/// Whether a namespace of users is the one that we are in.
bool is_ours(int space) {
    struct stat one {};
    struct stat other {};
    return ::fstat(space, &one) == 0 && ::stat("/proc/self/ns/user", &other) == 0 && is_same(one, other);
}

/// What follows `key` in /proc/PID/status.
std::string status_of(const fs::path& process, std::string_view key) {
    std::ifstream file(process / "status");
    for (std::string line; std::getline(file, line);)
        if (line.rfind(key, 0) == 0) return line.substr(key.size());
    return "";
}

/// The process that is number 1 in the namespace; "" when there is none.
fs::path find_first(int space) {
    struct stat wanted {};
    ::fstat(space, &wanted);
    for (const auto& entry : fs::directory_iterator("/proc")) {
        if (entry.path().filename().string().find_first_not_of("0123456789") != std::string::npos) continue;
        struct stat found {};
        if (::stat((entry.path() / "ns/pid").c_str(), &found) != 0 || !is_same(found, wanted)) continue;
        std::istringstream numbers(status_of(entry.path(), "NSpid:"));
        int number = 0;
        while (numbers >> number) {
        }
        if (number == 1) return entry.path();
    }
    return {};
}

/// The words of `list`, which commas separate, include `word`.
bool includes(std::string_view list, std::string_view word) {
    return fmt::format(",{},", list).find(fmt::format(",{},", word)) != std::string::npos;
}

/// Where the cgroup `path` of the hierarchy `name` ("" for the second version) is to be found; nothing when that is not
/// mounted. A mount may show a part of the hierarchy, and one whose part is outside of our namespace is not ours.
std::optional<std::string> find_cgroup(std::string_view name, const std::string& path) {
    std::ifstream file("/proc/self/mountinfo");
    for (std::string line; std::getline(file, line);) {
        std::istringstream words(line);
        std::string skipped, root, point, type, source, options;
        words >> skipped >> skipped >> skipped >> root >> point;
        while (words >> skipped && skipped != "-") {
        }
        words >> type >> source >> options;
        if (name.empty() ? type != "cgroup2" : type != "cgroup" || !includes(options, name)) continue;
        if (root == "/") return point + (path == "/" ? "" : path);
        if (path == root || path.rfind(root + "/", 0) == 0) return point + path.substr(root.size());
    }
    return std::nullopt;
}

/// cgroup.procs of each cgroup that a process is in, as far as its hierarchy is mounted.
std::vector<UniqueFd> open_cgroups(const fs::path& process) {
    std::vector<UniqueFd> files;
    std::ifstream list(process / "cgroup");
    for (std::string line; std::getline(list, line);) {
        const auto first = line.find(':');
        const auto second = line.find(':', first + 1);
        if (second == std::string::npos) continue;
        const auto cgroup = find_cgroup(line.substr(first + 1, second - first - 1), line.substr(second + 1));
        if (!cgroup) continue;
        const auto procs = *cgroup + "/cgroup.procs";
        files.emplace_back(::open(procs.c_str(), O_WRONLY | O_CLOEXEC));
        if (!files.back()) throw cannot("enter the cgroup of the container, " + procs);
    }
    return files;
}

}  // namespace

ContainerEntrance::ContainerEntrance(const std::vector<int>& namespaces) {
    for (const int space : namespaces)
        if (type_of(space) == CLONE_NEWPID)
            processes_ = space;
        else if (type_of(space) != CLONE_NEWUSER)
            others_.push_back(space);
        else if (!is_ours(space))
            users_ = space;
    const auto first = processes_ < 0 ? fs::path() : find_first(processes_);
    if (first.empty()) throw Error(Code::invalid_state, "The container has ended");
    cgroups_ = open_cgroups(first);
    rights_ = std::strtoull(status_of(first, "CapBnd:").c_str(), nullptr, 16);
}

pid_t ContainerEntrance::bear() const {
    const UniqueFd own(::open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC));
    if (!own || ::setns(processes_, CLONE_NEWPID) != 0) throw cannot("enter the container");
    const pid_t pid = ::fork();
    if (pid == 0) return pid;
    const int number = errno;
    if (::setns(own.get(), CLONE_NEWPID) != 0) throw cannot("leave the container");
    errno = number;
    // Should it have ended since we looked, nobody can be born there any more.
    if (pid < 0 && errno == ENOMEM) throw Error(Code::invalid_state, "The container has ended");
    if (pid < 0) throw cannot("start a process in the container");
    return pid;
}

void ContainerEntrance::enter() const {
    for (const auto& cgroup : cgroups_)
        if (::write(cgroup.get(), "0", 1) != 1) throw cannot("enter the cgroup of the container");
    for (const int space : others_)
        if (::setns(space, 0) != 0) throw cannot("enter the container");
    // The last of them: with it go our rights to enter the others. It gives all rights inside, whatever we had before.
    if (users_ >= 0 && ::setns(users_, CLONE_NEWUSER) != 0) throw cannot("enter the container");
    for (int right = 0; right < 64; ++right)
        if ((rights_ & (std::uint64_t{1} << right)) == 0 && ::prctl(PR_CAPBSET_DROP, right) != 0 && errno != EINVAL)
            throw cannot("give up rights that the container does not have");
    ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    if (users_ < 0) return;
    if (::setgroups(0, nullptr) != 0 || ::setresgid(0, 0, 0) != 0 || ::setresuid(0, 0, 0) != 0)
        throw cannot("become root in the container");
}

}  // namespace virtbus
