// SPDX-License-Identifier: LGPL-2.1-or-later
// console: the serial console of a machine on this terminal, or between a script's pipes.
#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <limits>
#include <memory>

#include "console_pump.h"
#include "program.h"
#include "signals.h"
#include "terminal.h"
#include "text.h"
#include "units.h"
#include "verbs.h"

namespace virtbusctl {

namespace {

struct ConsoleRequest {
    std::string machine;
    bool force = false;
    std::string linger = "1s";
};

std::optional<std::chrono::milliseconds> parse_linger(const std::string& text) {
    if (text == "infinity") return {};
    const auto linger = std::chrono::duration_cast<std::chrono::milliseconds>(parse_duration(text));
    constexpr std::chrono::milliseconds longest(std::numeric_limits<int>::max());  // that poll() can wait
    return std::min(linger, longest);
}

sdbus::UnixFd open_console(Program& program, const ConsoleRequest& request) {
    auto machine = program.machine(program.find_machine(request.machine));
    auto console = machine.OpenConsole({{"force", request.force}});
    ::fcntl(console.get(), F_SETFD, FD_CLOEXEC);
    return console;
}

/// Whether it ended as it should: a signal is no regular end.
bool carry(const sdbus::UnixFd& console, const std::string& name, std::optional<std::chrono::milliseconds> linger) {
    // None of them, not even that of a closed pipe, may end us before the terminal is as it was.
    SignalWatch signals({SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE});
    const bool interactive = ::isatty(STDIN_FILENO) == 1;
    if (interactive) fmt::print(stderr, "Connected to {}. Ctrl-] leaves.\n", name);
    ConsolePump::End end{};
    {
        const RawTerminal raw(STDIN_FILENO);
        end = ConsolePump({console.get(), STDIN_FILENO, STDOUT_FILENO}, interactive, linger).run(signals);
    }
    if (interactive) {
        const bool closed = end == ConsolePump::End::console_closed;
        fmt::print(stderr, "\n{} {}.\n", closed ? "Console closed by" : "Disconnected from", name);
    }
    return end != ConsolePump::End::signal;
}

bool run(Program& program, const ConsoleRequest& request) {
    const auto linger = parse_linger(request.linger);
    const auto name = printable(request.machine);
    bool regular_end = false;
    const bool opened = program.attempt("open the console of " + name, [&] {
        const auto console = open_console(program, request);
        regular_end = carry(console, name, linger);
    });
    return opened && regular_end;
}

}  // namespace

void add_console_verb(Program& program) {
    const auto request = std::make_shared<ConsoleRequest>();
    auto* verb = program.add_verb("Look", "console", "open the serial console of a machine; Ctrl-] leaves it", "",
                                  [&program, request] { return run(program, *request); });
    verb->add_option("MACHINE", request->machine)->required();
    verb->add_flag("--force", request->force, "take it over from whoever has it open");
    verb->add_option("--linger", request->linger,
                     "after the end of the input: leave when the guest was silent for this long (1s), or infinity: "
                     "when the console closes")
        ->type_name("TIME");
}

}  // namespace virtbusctl
