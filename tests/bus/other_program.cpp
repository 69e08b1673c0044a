// SPDX-License-Identifier: LGPL-2.1-or-later
#include "other_program.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <utility>

namespace virtbus::test {

OtherProgram::OtherProgram(std::vector<std::string> words) {
    std::vector<char*> arguments;
    for (auto& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return;
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    if (::posix_spawnp(&process_, words[0].c_str(), &actions, nullptr, arguments.data(), environ) != 0) process_ = -1;
    ::posix_spawn_file_actions_destroy(&actions);
    ::close(ends[1]);
    output_ = ends[0];
}

OtherProgram::~OtherProgram() {
    kill();
    if (output_ >= 0) ::close(output_);
}

std::string OtherProgram::line() {
    constexpr int patience_ms = 30'000;
    for (;;) {
        if (const auto end = unread_.find('\n'); end != std::string::npos) {
            auto line = unread_.substr(0, end);
            unread_.erase(0, end + 1);
            return line;
        }
        pollfd wait{output_, POLLIN, 0};
        if (::poll(&wait, 1, patience_ms) <= 0) return "[it takes too long]";
        std::array<char, 4096> part{};
        const auto count = ::read(output_, part.data(), part.size());
        if (count <= 0) return unread_.empty() ? "[it has failed]" : std::exchange(unread_, {});
        unread_.append(part.data(), static_cast<std::size_t>(count));
    }
}

void OtherProgram::kill() {
    if (process_ <= 0) return;
    ::kill(process_, SIGKILL);
    ::waitpid(std::exchange(process_, -1), nullptr, 0);
}

}  // namespace virtbus::test
