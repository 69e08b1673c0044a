// SPDX-License-Identifier: LGPL-2.1-or-later
// run: a command in a container, with our standard streams and its exit code.
#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <future>
#include <memory>
#include <system_error>
#include <thread>
#include <utility>

#include "job_waiter.h"
#include "program.h"
#include "signals.h"
#include "text.h"
#include "units.h"
#include "verbs.h"

namespace virtbusctl {

namespace {

constexpr int signal_base = 128;  // as shells have it

struct RunRequest {
    std::string machine, timeout;
    std::vector<std::string> words;
};

/// The command gets sockets, never our terminal or files: what is inside could write to them as it likes.
struct Stream {
    sdbus::UnixFd ours, theirs;

    Stream() {
        std::array<int, 2> ends{};
        if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0)
            throw std::system_error(errno, std::generic_category(), "socketpair");
        ours = sdbus::UnixFd(ends[0], sdbus::adopt_fd);
        theirs = sdbus::UnixFd(ends[1], sdbus::adopt_fd);
    }
};

/// Until the end of one side. A socket says so by an error, a pipe by a signal, which ends us as it should. False when
/// what is no socket does not take it all: then nothing more is taken of `from`, and whoever writes there hears of it.
bool carry(int from, int to, bool to_socket) {
    std::array<char, 65'536> buffer{};
    for (;;) {
        const auto size = ::read(from, buffer.data(), buffer.size());
        if (size < 0 && errno == EINTR) continue;
        if (size <= 0) break;
        for (ssize_t done = 0; done < size;) {
            const auto data = buffer.data() + done;
            const auto left = static_cast<std::size_t>(size - done);
            const auto written = to_socket ? ::send(to, data, left, MSG_NOSIGNAL) : ::write(to, data, left);
            if (written < 0 && errno == EINTR) continue;
            if (written <= 0) {
                if (!to_socket) ::shutdown(from, SHUT_RDWR);
                return to_socket;
            }
            done += written;
        }
    }
    if (to_socket) ::shutdown(to, SHUT_WR);
    return true;
}

/// On a thread that keeps nobody who does not wait for it. It hears no Ctrl-C: that is for whoever waits for the job.
template <typename Carry>
std::future<bool> begin_to_carry(Carry carry_all) {
    const SignalWatch not_there({SIGINT});
    std::packaged_task<bool()> task(std::move(carry_all));
    auto ended = task.get_future();
    std::thread(std::move(task)).detach();
    return ended;
}

Dictionary options_of(const RunRequest& request) {
    if (request.timeout.empty()) return {};
    return {{"timeout_usec", static_cast<std::uint64_t>(parse_duration(request.timeout).count())}};
}

bool run(Program& program, const RunRequest& request) {
    bool success = false;
    const auto name = printable(request.machine);
    const bool undisturbed = program.attempt("run a command in " + name, [&] {
        auto machine = program.machine(program.find_machine(request.machine));
        JobWaiter waiter(program.bus(), JobWaiter::Progress::hidden);  // the command writes there
        const auto input = std::make_shared<Stream>();
        const auto output = std::make_shared<Stream>();
        const auto errors = std::make_shared<Stream>();
        const std::string job =
            machine.RunCommand(request.words, input->theirs, output->theirs, errors->theirs, options_of(request));
        for (const auto& stream : {input, output, errors}) stream->theirs.reset();
        // Whoever types nothing more would keep us: this one ends with the program.
        begin_to_carry([input] { return carry(STDIN_FILENO, input->ours.get(), true); });
        auto from_output = begin_to_carry([output] { return carry(output->ours.get(), STDOUT_FILENO, false); });
        auto from_errors = begin_to_carry([errors] { return carry(errors->ours.get(), STDERR_FILENO, false); });
        waiter.add(job, name, [&program](const Json& ended) {
            const auto& result = ended.at("Result");
            const auto signal = number_at(result, "signal");
            program.end_with(static_cast<int>(signal != 0 ? signal_base + signal : number_at(result, "exit_code")));
            return true;
        });
        success = waiter.wait();
        if (waiter.abandoned()) return;
        const bool has_output = from_output.get();
        if (!from_errors.get() || !has_output) throw Failure("cannot write the output");
    });
    return undisturbed && success;
}

}  // namespace

void add_run_verb(Program& program) {
    const auto request = std::make_shared<RunRequest>();
    auto* verb = program.add_verb("Act", "run", "run a command in a container; its exit code is passed on", "",
                                  [&program, request] { return run(program, *request); });
    verb->add_option("MACHINE", request->machine)->required();
    verb->add_option("COMMAND", request->words, "after --: the program and its arguments")->required();
    verb->add_option("--timeout", request->timeout, "then it is killed, default 1h")->type_name("TIME");
}

}  // namespace virtbusctl
