// SPDX-License-Identifier: LGPL-2.1-or-later
#include "execute.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <stdexcept>

namespace virtbus::test {

namespace {

using Clock = std::chrono::steady_clock;

/// A program that has been started; gone with this, whatever happens.
class Program {
public:
    explicit Program(const std::vector<std::string>& words) {
        std::array<int, 2> ends{};
        if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
        output_ = ends[0];
        const int failed = spawn(words, ends[1]);
        ::close(ends[1]);
        if (failed == 0) return;
        ::close(output_);
        throw std::runtime_error(fmt::format("cannot run {}: {}", words[0], std::strerror(failed)));
    }
    Program(const Program&) = delete;
    Program& operator=(const Program&) = delete;
    ~Program() {
        ::close(output_);
        if (pid_ > 0) end();
    }

    /// Adds what it writes to `text` until it closes its outputs; false when that took too long.
    bool read(std::string& text, Clock::time_point until) const {
        std::array<char, 4'096> buffer{};
        for (;;) {
            const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()).count();
            if (left <= 0) return false;
            pollfd waiting{output_, POLLIN, 0};
            if (::poll(&waiting, 1, static_cast<int>(left)) <= 0) continue;
            const auto size = ::read(output_, buffer.data(), buffer.size());
            if (size < 0 && errno == EINTR) continue;
            if (size <= 0) return true;
            text.append(buffer.data(), static_cast<std::size_t>(size));
        }
    }

    int wait() {
        int status = 0;
        while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
        }
        pid_ = -1;
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }

    int end() {
        ::kill(pid_, SIGKILL);
        return wait();
    }

private:
    /// setpriv becomes the program, which then dies with the thread that has started it: a test that is killed leaves
    /// no QEMU behind.
    int spawn(const std::vector<std::string>& words, int output) {
        std::vector<std::string> command{"setpriv", "--pdeathsig", "KILL", "--"};
        command.insert(command.end(), words.begin(), words.end());
        std::vector<char*> arguments;
        for (auto& word : command) arguments.push_back(word.data());
        arguments.push_back(nullptr);
        posix_spawn_file_actions_t actions;
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
        posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
        posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO);
        const int failed = ::posix_spawnp(&pid_, arguments[0], &actions, nullptr, arguments.data(), environ);
        posix_spawn_file_actions_destroy(&actions);
        if (failed != 0) pid_ = -1;
        return failed;
    }

    int output_ = -1;
    pid_t pid_ = -1;
};

}  // namespace

Execution execute(const std::vector<std::string>& words, std::chrono::seconds patience) {
    Program program(words);
    Execution ran;
    ran.is_too_slow = !program.read(ran.output, Clock::now() + patience);
    ran.status = ran.is_too_slow ? program.end() : program.wait();
    return ran;
}

}  // namespace virtbus::test
