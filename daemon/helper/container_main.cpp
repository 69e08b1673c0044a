// SPDX-License-Identifier: LGPL-2.1-or-later
// virtbus-container-helper: runs one command in a container; see request.h. The request has its "words" and
// its "limit_usec"; the descriptors that come with it are the command's three streams, and the namespaces. It has one
// thread, stays outside of the container itself, and kills the command when nobody wants it any more.
#include "helper/container_entrance.h"
#include "helper/failure.h"
#include "helper/protocol.h"
#include "helper/request.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace virtbus;
using nlohmann::json;
using Clock = std::chrono::steady_clock;

constexpr std::size_t streams = 3;

/// A process of the container can reach the program of any other that it sees, through /proc, and write to its file. It
/// shall see a copy of ours that nobody can write to.
int become_copy(char** arguments) {
    const UniqueFd program(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
    const UniqueFd copy(::memfd_create("virtbus-container-helper", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    struct stat status {};
    if (program && copy && ::fstat(program.get(), &status) == 0) {
        while (::sendfile(copy.get(), program.get(), nullptr, static_cast<std::size_t>(status.st_size)) > 0) {
        }
        if (::fcntl(copy.get(), F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) == 0)
            ::fexecve(copy.get(), arguments, environ);
    }
    std::perror("cannot make a copy of the program");
    return 1;
}

bool is_copy() {
    std::array<char, 16> target{};
    return ::readlink("/proc/self/exe", target.data(), target.size() - 1) > 0 &&
           std::strncmp(target.data(), "/memfd:", 7) == 0;
}

/// The child: becomes the command. Says in `failure` why it cannot.
[[noreturn]] void become_command(const ContainerEntrance& entrance, const std::vector<UniqueFd>& files,
                                 std::vector<std::string> words, int failure) {
    const auto fail = [failure](const json& error) {
        const auto text = error.dump();
        static_cast<void>(::write(failure, text.data(), text.size()));
        ::_exit(127);
    };
    try {
        // Nothing of the host's stays open, and nobody talks to virtbusd from inside.
        for (const int stream : {0, 1, 2}) ::dup2(files[static_cast<std::size_t>(stream)].get(), stream);
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        ::setsid();
        entrance.enter();
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // who becomes another user loses it
        ::close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
        for (int signal = 1; signal < NSIG; ++signal) ::signal(signal, SIG_DFL);
        sigset_t none;
        ::sigemptyset(&none);
        ::sigprocmask(SIG_SETMASK, &none, nullptr);
        ::umask(022);
        ::clearenv();
        ::setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 1);
        ::setenv("HOME", "/root", 1);
        ::setenv("container", "lxc-libvirt", 1);
        std::vector<char*> arguments;
        for (auto& word : words) arguments.push_back(word.data());
        arguments.push_back(nullptr);
        ::execvp(arguments.front(), arguments.data());
        const bool is_missing = errno == ENOENT || errno == ENOTDIR || errno == EACCES;
        const auto text = fmt::format("Cannot run {} in the container: {}", words.front(), ::strerrordesc_np(errno));
        fail(error_to_json({is_missing ? Code::invalid_args : Code::failed, text}));
    } catch (const Error& error) {
        fail(error_to_json(error));
    }
    ::_exit(127);
}

class Command {
public:
    /// The first of the `files` are its streams.
    Command(const ContainerEntrance& entrance, std::vector<UniqueFd> files, const std::vector<std::string>& words) {
        std::array<int, 2> ends{};
        if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw system_failure("make a pipe", errno);
        failure_ = UniqueFd(ends[0]);
        const UniqueFd theirs(ends[1]);
        pid_ = entrance.bear();
        if (pid_ == 0) become_command(entrance, files, words, theirs.get());
        // glibc 2.36 declares its own function for C alone.
        process_ = UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
    }
    Command(const Command&) = delete;
    Command& operator=(const Command&) = delete;
    /// It, and what it has started in its session; where the container is frozen, that is when it thaws.
    ~Command() {
        if (pid_ <= 0) return;
        ::kill(-pid_, SIGKILL);
        ::kill(pid_, SIGKILL);
    }

    /// Waits for its end.
    json wait(Peer& peer, std::chrono::microseconds limit) {
        const auto end = Clock::now() + limit;
        for (;;) {
            const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now()).count();
            if (left <= 0)
                throw Error(Code::timeout, fmt::format("It took longer than {} s, and was killed",
                                                       std::chrono::duration<double>(limit).count()));
            const auto peers = peer.files();
            std::array<pollfd, 3> files{peers[0], peers[1], pollfd{process_.get(), POLLIN, 0}};
            if (::poll(files.data(), files.size(), static_cast<int>(std::min<long>(left, 60'000))) < 0) continue;
            if (files[2].revents != 0) return outcome();
            if (Peer::cancelled({files[0], files[1]})) throw Error(Code::cancelled, "It was cancelled, and killed");
        }
    }

private:
    json outcome() {
        int status = 0;
        ::waitpid(pid_, &status, 0);
        pid_ = -1;
        std::array<char, 8'192> text{};
        const auto size = ::read(failure_.get(), text.data(), text.size());
        if (size > 0) throw error_from_json(read_message({text.data(), static_cast<std::size_t>(size)}));
        return {{"exit_code", WIFEXITED(status) ? WEXITSTATUS(status) : 0},
                {"signal", WIFSIGNALED(status) ? WTERMSIG(status) : 0}};
    }

    UniqueFd failure_;
    UniqueFd process_;
    pid_t pid_ = -1;
};

json perform(const json& request, Peer& peer) {
    auto files = peer.take_files();
    if (files.size() < streams) throw Error(Code::invalid_args, "The streams of the command did not come");
    std::vector<int> namespaces;
    for (auto file = files.begin() + streams; file != files.end(); ++file) namespaces.push_back(file->get());
    const ContainerEntrance entrance(namespaces);
    Command command(entrance, std::move(files), request.at("words"));
    return command.wait(peer, std::chrono::microseconds(request.at("limit_usec").get<std::int64_t>()));
}

}  // namespace

int main(int count, char** arguments) {
    if (!is_copy()) return become_copy(arguments);
    const rlimit no_core{0, 0};
    ::setrlimit(RLIMIT_CORE, &no_core);
    return answer_request(count, arguments, perform);
}
