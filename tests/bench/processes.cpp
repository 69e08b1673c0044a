// SPDX-License-Identifier: LGPL-2.1-or-later
#include "processes.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string_view>
#include <utility>

namespace virtbus::bench {

namespace {

/// The number that follows `key` in a file of /proc.
long number_in(const std::filesystem::path& file, const std::string& key) {
    std::ifstream lines(file);
    for (std::string line; std::getline(lines, line);)
        if (line.starts_with(key)) return std::stol(line.substr(key.size()));
    return 0;
}

}  // namespace

Process::Process(const std::vector<std::string>& command, const std::map<std::string, std::string>& environment) {
    std::vector<char*> arguments;
    for (const auto& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    pid_ = ::fork();
    if (pid_ != 0) return;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (const auto& [name, value] : environment) ::setenv(name.c_str(), value.c_str(), 1);
    ::dup2(::open("/dev/null", O_RDWR | O_CLOEXEC), STDOUT_FILENO);
    ::dup2(::open(std::getenv("VIRTBUS_LOG"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600), STDERR_FILENO);
    ::execvp(arguments.front(), arguments.data());
    ::_exit(127);
}

Process::~Process() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGTERM);
    ::waitpid(pid_, nullptr, 0);
}

void Process::wait() {
    int status = 0;
    ::waitpid(std::exchange(pid_, -1), &status, 0);
    if (status != 0) throw std::runtime_error("a program has failed");
}

double private_memory(pid_t pid) {
    const auto file = fmt::format("/proc/{}/smaps_rollup", pid);
    return static_cast<double>(number_in(file, "Private_Clean:") + number_in(file, "Private_Dirty:"));
}

long wake_ups(pid_t pid, const std::string& thread) {
    long sum = 0;
    for (const auto& task : std::filesystem::directory_iterator(fmt::format("/proc/{}/task", pid))) {
        std::string name;
        std::getline(std::ifstream(task.path() / "comm"), name);
        if (name.starts_with(thread)) sum += number_in(task.path() / "status", "voluntary_ctxt_switches:");
    }
    return sum;
}

Standstill::Standstill(std::vector<pid_t> processes) : processes_(std::move(processes)) {
    for (const auto pid : processes_)
        if (::kill(pid, SIGSTOP) != 0) throw std::runtime_error("a process cannot be stopped");
}

Standstill::~Standstill() {
    for (const auto pid : processes_) ::kill(pid, SIGCONT);
}

ReadySocket::ReadySocket()
    : path_(std::string(std::getenv("XDG_RUNTIME_DIR")) + "/ready"),
      socket_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path_.c_str(), sizeof address.sun_path - 1);
    if (::bind(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        throw std::runtime_error("cannot make " + path_);
}

ReadySocket::~ReadySocket() {
    ::close(socket_);
    ::unlink(path_.c_str());
}

void ReadySocket::wait() const {
    std::array<char, 4'096> buffer{};
    for (pollfd poll{socket_, POLLIN, 0}; ::poll(&poll, 1, 30'000) > 0;) {
        const auto size = ::recv(socket_, buffer.data(), buffer.size(), 0);
        if (size <= 0) continue;
        const std::string_view text(buffer.data(), static_cast<std::size_t>(size));
        if (text.find("READY=1") != std::string_view::npos) return;
    }
    throw std::runtime_error("virtbusd did not get ready");
}

}  // namespace virtbus::bench
