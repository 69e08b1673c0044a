// SPDX-License-Identifier: LGPL-2.1-or-later
#include "helper/helper_process.h"

#include "base/utf8.h"
#include "model/error.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <vector>

namespace virtbus {

namespace {

constexpr std::size_t text_max = 2'000;

/// What it needs to find qemu-img, where it may keep files, and, in a build with them, what the sanitizers are told.
std::vector<std::string> clean_environment() {
    std::vector<std::string> environment{"LC_ALL=C"};
    for (const auto* name : {"PATH", "TMPDIR", "CACHE_DIRECTORY", "LIBGUESTFS_CACHEDIR", "ASAN_OPTIONS", "LSAN_OPTIONS",
                             "UBSAN_OPTIONS", "TSAN_OPTIONS"})
        if (const char* value = std::getenv(name)) environment.push_back(fmt::format("{}={}", name, value));
    return environment;
}

/// The child's part between fork and exec: only what signal-safety(7) allows, since we have threads.
[[noreturn]] void become(const char* program, char* const* environment, int socket, int errors) {
    // Each may have the number of another, so away from the low ones first.
    const int in = ::fcntl(socket, F_DUPFD, STDERR_FILENO + 1);
    const int err = ::fcntl(errors, F_DUPFD, STDERR_FILENO + 1);
    ::dup2(in, STDIN_FILENO);
    ::dup2(in, STDOUT_FILENO);
    ::dup2(err, STDERR_FILENO);
    ::close_range(STDERR_FILENO + 1, ~0U, 0);
    for (int signal = 1; signal < NSIG; ++signal) ::signal(signal, SIG_DFL);
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    std::array<char*, 2> arguments{const_cast<char*>(program), nullptr};
    ::execve(program, arguments.data(), environment);
    const char* why = ::strerrordesc_np(errno);
    [[maybe_unused]] auto ignored = ::write(STDERR_FILENO, why, std::strlen(why));
    ::_exit(127);
}

Error cannot_start(const std::string& program, int number) {
    return {Code::failed, fmt::format("Cannot start the helper program {}: {}", program, ::strerrordesc_np(number))};
}

}  // namespace

HelperProcess::HelperProcess(const std::string& program) {
    std::array<int, 2> pair{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()) != 0) throw cannot_start(program, errno);
    socket_ = UniqueFd(pair[0]);
    const UniqueFd theirs(pair[1]);
    if (::pipe2(pair.data(), O_CLOEXEC) != 0) throw cannot_start(program, errno);
    errors_ = UniqueFd(pair[0]);
    const UniqueFd their_errors(pair[1]);

    auto environment = clean_environment();
    std::vector<char*> variables;
    for (auto& variable : environment) variables.push_back(variable.data());
    variables.push_back(nullptr);
    // Our signal handlers must not run in the child.
    sigset_t all;
    sigset_t before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    pid_ = ::fork();
    if (pid_ == 0) become(program.c_str(), variables.data(), theirs.get(), their_errors.get());
    const int number = errno;
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    if (pid_ < 0) throw cannot_start(program, number);
}

HelperProcess::~HelperProcess() {
    if (pid_ > 0) wait();
}

void HelperProcess::read_errors() {
    std::array<char, 2'048> buffer{};
    const auto size = ::read(errors_.get(), buffer.data(), buffer.size());
    if (size < 0 && errno == EINTR) return;
    if (size <= 0) {
        errors_ = UniqueFd();
        return;
    }
    text_.append(buffer.data(), static_cast<std::size_t>(size));
    if (text_.size() > text_max) text_.erase(0, text_.size() - text_max);
}

std::string HelperProcess::wait() {
    socket_ = UniqueFd();
    while (errors_) read_errors();
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
    while (!text_.empty() && text_.back() == '\n') text_.pop_back();
    const auto last_words = text_.empty() ? std::string() : ": " + to_utf8(text_);
    if (WIFSIGNALED(status)) return fmt::format("was ended by signal {}{}", WTERMSIG(status), last_words);
    return fmt::format("ended early, with status {}{}", WEXITSTATUS(status), last_words);
}

}  // namespace virtbus
