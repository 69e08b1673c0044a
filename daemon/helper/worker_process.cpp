// SPDX-License-Identifier: LGPL-2.1-or-later
#include "helper/worker_process.h"

#include "helper/failure.h"
#include "helper/protocol.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <exception>
#include <fstream>
#include <optional>
#include <vector>

namespace virtbus {

namespace {

using Json = nlohmann::json;
using std::chrono::steady_clock;

constexpr char go_ahead = '+';

void write_line(int fd, const Json& message) {
    const auto line = protocol_line(message);
    for (std::size_t sent = 0; sent < line.size();) {
        const auto size = ::write(fd, line.data() + sent, line.size() - sent);
        if (size < 0 && errno != EINTR) return;
        if (size > 0) sent += static_cast<std::size_t>(size);
    }
}

std::vector<pid_t> children_of(pid_t pid) {
    std::ifstream file(fmt::format("/proc/{0}/task/{0}/children", pid));
    std::vector<pid_t> found;
    for (pid_t child = 0; file >> child;) found.push_back(child);
    return found;
}

void kill_descendants(pid_t pid) {
    for (const auto child : children_of(pid)) {
        kill_descendants(child);
        ::kill(child, SIGKILL);
    }
}

Json outcome_of_work(const Work& work, WorkReport& report) {
    try {
        return {{"done", work.perform(report)}};
    } catch (const Error& error) {
        return {{"error", error_to_json(error)}};
    } catch (const std::exception& error) {
        return {{"error", error_to_json({Code::failed, error.what()})}};
    }
}

class Worker {
public:
    explicit Worker(const Work& work) : work_(work) {
        std::array<int, 2> pair{};
        if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()) != 0)
            throw system_failure(work.act, errno);
        messages_ = UniqueFd(pair[0]);
        const UniqueFd theirs(pair[1]);
        ::prctl(PR_SET_CHILD_SUBREAPER, 1);
        const pid_t parent = ::getpid();
        pid_ = ::fork();
        if (pid_ < 0) throw system_failure(work.act, errno);
        if (pid_ == 0) become(parent, theirs.get());
        // What it started may have its socket too, so that the end of it does not tell.
        process_ = UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
        if (!process_) throw end_of_start(errno);
    }
    Worker(const Worker&) = delete;
    Worker& operator=(const Worker&) = delete;
    ~Worker() { end(); }

    Json follow(Peer& peer) {
        const auto end_of_time = steady_clock::now() + work_.limit;
        while (listen(peer, end_of_time)) {
        }
        const int status = end();
        if (failure_) throw *failure_;
        if (result_) return *result_;
        throw Error(Code::failed, fmt::format("Cannot {}: the process that does it ended early, with status {:#x}",
                                              work_.act, static_cast<unsigned>(status)));
    }

private:
    /// The child's part. It has no threads, as we have none, so that it may do what it likes.
    [[noreturn]] void become(pid_t parent, int messages) const {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (::getppid() != parent) ::_exit(1);  // it has died before we could hear of it
        // The peer's socket is not for what it starts; and that must hear of SIGTERM.
        const int nothing = ::open("/dev/null", O_RDWR | O_CLOEXEC);
        ::dup2(nothing, STDIN_FILENO);
        ::dup2(nothing, STDOUT_FILENO);
        sigset_t none;
        ::sigemptyset(&none);
        ::sigprocmask(SIG_SETMASK, &none, nullptr);
        WorkReport report(messages);
        write_line(messages, outcome_of_work(work_, report));
        ::_exit(0);
    }

    Error end_of_start(int number) {
        end();
        return system_failure(work_.act, number);
    }

    /// False when it has nothing more to say.
    bool listen(Peer& peer, steady_clock::time_point end_of_time) {
        const auto from_peer = peer.files();
        std::array<pollfd, 4> files{pollfd{messages_.get(), POLLIN, 0}, from_peer[0], from_peer[1],
                                    pollfd{process_.get(), POLLIN, 0}};
        if (is_changing_) files[1].fd = files[2].fd = -1;
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(end_of_time - steady_clock::now());
        if (left.count() <= 0)
            throw Error(Code::failed, fmt::format("Cannot {}: it is not done after {} seconds{}", work_.act,
                                                  work_.limit.count(), is_changing_ ? ", and may be half done" : ""));
        if (::poll(files.data(), files.size(), static_cast<int>(left.count())) < 0) return errno == EINTR;
        if (files[0].revents != 0) return receive(peer);
        // Throws if so, and the destructor ends the worker.
        if (!is_changing_ && Peer::cancelled({files[1], files[2]})) peer.refuse_cancelled();
        return files[3].revents == 0;
    }

    bool receive(Peer& peer) {
        std::array<char, 4'096> buffer{};
        const auto size = ::read(messages_.get(), buffer.data(), buffer.size());
        if (size < 0 && errno == EINTR) return true;
        if (size <= 0) return false;
        received_.append(buffer.data(), static_cast<std::size_t>(size));
        while (const auto line = take_line(received_)) hear(read_message(*line), peer);
        return true;
    }

    void hear(const Json& message, Peer& peer) {
        if (message.contains("done"))
            result_ = message["done"];
        else if (message.contains("error"))
            failure_ = error_from_json(message["error"]);
        else if (message.contains("changing"))
            let_it_change();
        else
            peer.at(message.at("processed"), message.at("total"));
    }

    void let_it_change() {
        is_changing_ = true;
        ::send(messages_.get(), &go_ahead, 1, MSG_NOSIGNAL);
    }

    /// It, and all that it has started, is no more.
    int end() {
        if (pid_ < 0) return 0;
        int status = 0;
        // Without what it waits for it fails, and cleans up after itself; but not for long.
        messages_ = UniqueFd();
        if (!has_ended(status, 0)) {
            kill_descendants(pid_);
            for (int i = 0; i < 100 && !has_ended(status, 10); ++i) {
            }
        }
        if (pid_ > 0) {
            kill_descendants(pid_);
            ::kill(pid_, SIGKILL);
        }
        // What it left behind has come to us.
        for (;;) {
            kill_descendants(::getpid());
            int ended = 0;
            const auto pid = ::waitpid(-1, &ended, 0);
            if (pid == pid_ && pid > 0) status = ended;
            if (pid < 0 && errno != EINTR) break;
        }
        pid_ = -1;
        return status;
    }

    bool has_ended(int& status, int milliseconds) {
        if (pid_ < 0) return true;
        if (milliseconds > 0) ::poll(nullptr, 0, milliseconds);
        // It has said its last, or has to be waited for.
        if (::waitpid(pid_, &status, result_ || failure_ ? 0 : WNOHANG) != pid_) return false;
        pid_ = -1;
        return true;
    }

    const Work& work_;
    UniqueFd messages_;
    UniqueFd process_;
    pid_t pid_ = -1;
    std::string received_;
    std::optional<Json> result_;
    std::optional<Error> failure_;
    bool is_changing_ = false;
};

}  // namespace

void WorkReport::at(std::uint64_t processed, std::uint64_t total) {
    write_line(fd_, {{"processed", processed}, {"total", total}});
}

void WorkReport::begin_changing() {
    write_line(fd_, {{"changing", true}});
    // It waits, or else a cancellation might come in between; if one has come, this never returns.
    char answer = 0;
    while (::read(fd_, &answer, 1) < 0 && errno == EINTR) {
    }
    if (answer != go_ahead) throw Error(Code::cancelled, "It was cancelled");
}

Json run_worker(Peer& peer, const Work& work) { return Worker(work).follow(peer); }

}  // namespace virtbus
