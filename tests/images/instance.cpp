// SPDX-License-Identifier: LGPL-2.1-or-later
#include "instance.h"

#include "files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <stdexcept>
#include <vector>

namespace virtbus::test {

namespace {

constexpr std::chrono::seconds end_patience{15};

/// As the kernel calls them: at most 15 characters.
const std::vector<std::string> helpers{"virtbus-helper", "virtbus-guest-h"};

/// Of those that can be seen from here: the instance's own.
std::vector<pid_t> processes(const std::vector<std::string>& names) {
    std::vector<pid_t> found;
    for (const auto& entry : names_in("/proc")) {
        if (entry.find_first_not_of("0123456789") != std::string::npos) continue;
        auto name = read_text(Path("/proc") / entry / "comm");
        if (!name.empty()) name.pop_back();
        if (std::find(names.begin(), names.end(), name) == names.end()) continue;
        const auto status = read_text(Path("/proc") / entry / "stat");
        if (status.find(") Z ") == std::string::npos) found.push_back(static_cast<pid_t>(std::stol(entry)));
    }
    return found;
}

}  // namespace

Daemon& Daemon::instance() {
    static Daemon daemon;
    return daemon;
}

void Daemon::start() {
    if (is_running()) return;
    const auto program = environment("VIRTBUS_BUILD") + "/daemon/virtbusd";
    log_file_ = fmt::format("{}.{}", environment("VIRTBUS_LOG"), ++number_);
    pid_ = ::fork();
    if (pid_ < 0) throw std::runtime_error("cannot fork");
    if (pid_ > 0) return;
    ::close(0);
    ::open("/dev/null", O_RDONLY);
    const int log = ::open(log_file_.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
    ::dup2(log, 1);
    ::dup2(log, 2);
    ::execl(program.c_str(), program.c_str(), "--user", nullptr);
    ::_exit(127);
}

bool Daemon::is_running() {
    if (pid_ == 0) return false;
    if (::waitpid(pid_, &status_, WNOHANG) == 0) return true;
    pid_ = 0;
    return false;
}

void Daemon::kill() {
    if (!is_running()) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, &status_, 0);
    pid_ = 0;
}

void Daemon::kill_with_helpers() {
    if (!is_running()) return;
    ::kill(pid_, SIGSTOP);  // it must not see what happens to them
    for (const auto helper : processes(helpers)) ::kill(helper, SIGKILL);
    kill();
}

int Daemon::stop() {
    if (!is_running()) return -1;
    ::kill(pid_, SIGTERM);
    const auto end = std::chrono::steady_clock::now() + end_patience;
    while (is_running())
        if (std::chrono::steady_clock::now() < end)
            ::poll(nullptr, 0, 10);
        else
            return kill(), -1;
    return WIFEXITED(status_) ? WEXITSTATUS(status_) : 128 + WTERMSIG(status_);
}

std::string Daemon::log() const { return read_text(log_file_); }

pid_t find_libvirtd() {
    const auto found = processes({"libvirtd", "virtqemud"});
    return found.empty() ? 0 : found.front();
}

int count_helpers() { return static_cast<int>(processes(helpers).size()); }

}  // namespace virtbus::test
