// SPDX-License-Identifier: LGPL-2.1-or-later
#include "helper/qemu_img.h"

#include "helper/failure.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <csignal>

namespace virtbus {

namespace {

constexpr int status_not_there = 127;  // as shells have it; qemu-img never ends with it
constexpr std::size_t output_max = 4 << 20;
constexpr std::size_t errors_max = 8'192;
constexpr rlim_t seconds_max = 60;
constexpr rlim_t memory_max = rlim_t{2} << 30;

void limit(__rlimit_resource_t resource, rlim_t most) {
    const rlimit value{most, most};
    ::setrlimit(resource, &value);
}

class Child {
public:
    explicit Child(const QemuImgRun& run) : run_(run) {
        std::array<int, 2> out{};
        std::array<int, 2> err{};
        if (::pipe2(out.data(), O_CLOEXEC) != 0) throw system_failure("run qemu-img", errno);
        output_ = UniqueFd(out[0]);
        const UniqueFd to_output(out[1]);
        if (::pipe2(err.data(), O_CLOEXEC) != 0) throw system_failure("run qemu-img", errno);
        errors_ = UniqueFd(err[0]);
        const UniqueFd to_errors(err[1]);
        const pid_t parent = ::getpid();
        pid_ = ::fork();
        if (pid_ < 0) throw system_failure("run qemu-img", errno);
        if (pid_ == 0) become(parent, out[1], err[1]);
    }
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;
    ~Child() {
        if (pid_ < 0) return;
        ::kill(pid_, SIGKILL);
        reap();
    }

    QemuImgOutcome follow(const Peer& peer) {
        while (output_ || errors_) {
            const auto from_peer = peer.files();
            std::array<pollfd, 4> files{pollfd{output_.get(), POLLIN, 0}, pollfd{errors_.get(), POLLIN, 0},
                                        from_peer[0], from_peer[1]};
            if (::poll(files.data(), files.size(), -1) < 0) continue;
            // Throws if so, and the destructor ends the child.
            if (Peer::cancelled({files[2], files[3]})) peer.refuse_cancelled();
            if (files[0].revents != 0) read(output_, outcome_.output, output_max);
            if (files[1].revents != 0) read(errors_, outcome_.errors, errors_max);
            if (run_.at) tell_progress();
        }
        const int status = reap();
        outcome_.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
        if (WIFSIGNALED(status)) outcome_.errors += fmt::format("qemu-img was ended by signal {}", WTERMSIG(status));
        return std::move(outcome_);
    }

private:
    [[noreturn]] void become(pid_t parent, int output, int errors) const {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (::getppid() != parent) ::_exit(1);  // it has died before we could hear of it
        const int nothing = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
        ::dup2(nothing, STDIN_FILENO);
        ::dup2(output, STDOUT_FILENO);
        ::dup2(errors, STDERR_FILENO);
        ::signal(SIGPIPE, SIG_DFL);
        sigset_t none;
        ::sigemptyset(&none);
        ::sigprocmask(SIG_SETMASK, &none, nullptr);
        std::vector<std::string> words{"qemu-img"};
        words.insert(words.end(), run_.arguments.begin(), run_.arguments.end());
        std::vector<char*> pointers;
        for (auto& word : words) pointers.push_back(word.data());
        pointers.push_back(nullptr);
        limit(RLIMIT_CORE, 0);
        if (run_.is_limited) {
            limit(RLIMIT_CPU, seconds_max);
            limit(RLIMIT_AS, memory_max);
        }
        ::execvp(pointers.front(), pointers.data());
        ::_exit(status_not_there);
    }

    static void read(UniqueFd& from, std::string& text, std::size_t most) {
        std::array<char, 16'384> buffer{};
        const auto size = ::read(from.get(), buffer.data(), buffer.size());
        if (size < 0 && errno == EINTR) return;
        if (size <= 0) {
            from = UniqueFd();
            return;
        }
        text.append(buffer.data(), static_cast<std::size_t>(size));
        if (text.size() > most) text.erase(0, text.size() - most);
    }

    /// It writes "    (12.34/100%)\r", over and over.
    void tell_progress() {
        const auto end = outcome_.output.rfind("/100%)");
        if (end == std::string::npos) return;
        const auto begin = outcome_.output.rfind('(', end);
        double percent = 0;
        if (begin != std::string::npos)
            std::from_chars(outcome_.output.data() + begin + 1, outcome_.output.data() + end, percent);
        outcome_.output.erase(0, end + 1);
        run_.at(percent / 100);
    }

    int reap() {
        int status = 0;
        while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
        }
        pid_ = -1;
        return status;
    }

    const QemuImgRun& run_;
    UniqueFd output_;
    UniqueFd errors_;
    pid_t pid_ = -1;
    QemuImgOutcome outcome_;
};

}  // namespace

QemuImgOutcome run_qemu_img(const Peer& peer, const QemuImgRun& run) {
    auto outcome = Child(run).follow(peer);
    if (outcome.status == status_not_there)
        throw Error(Code::not_supported, "There is no qemu-img on this host: install it (the package qemu-utils)");
    return outcome;
}

std::string qemu_img(const Peer& peer, const std::string& act, const QemuImgRun& run) {
    auto outcome = run_qemu_img(peer, run);
    if (outcome.status != 0) throw qemu_img_failure(act, outcome.errors);
    return std::move(outcome.output);
}

}  // namespace virtbus
