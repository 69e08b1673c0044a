// SPDX-License-Identifier: LGPL-2.1-or-later
#include "console_pump.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string_view>
#include <system_error>

namespace virtbusctl {

namespace {

constexpr char escape_key = 0x1d;  // Ctrl-]
constexpr std::size_t chunk = 4096;
// A guest that does not read must not make us collect a whole file.
constexpr std::size_t pending_limit = 64 * 1024;

[[noreturn]] void fail(const char* what) { throw std::system_error(errno, std::generic_category(), what); }

bool must_wait() { return errno == EAGAIN || errno == EINTR; }

void write_all(int descriptor, std::string_view bytes) {
    while (!bytes.empty()) {
        const auto written = ::write(descriptor, bytes.data(), bytes.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) fail("writing the output");
        bytes.remove_prefix(static_cast<std::size_t>(written));
    }
}

}  // namespace

ConsolePump::End ConsolePump::run(SignalWatch& signals) {
    for (;;)
        if (const auto end = step(signals)) return *end;
}

int ConsolePump::timeout() const {
    return input_open_ || !pending_.empty() || !linger_ ? -1 : static_cast<int>(linger_->count());
}

std::optional<ConsolePump::End> ConsolePump::step(SignalWatch& signals) {
    const bool take_input = input_open_ && pending_.size() < pending_limit;
    const auto console_events = static_cast<short>(POLLIN | (pending_.empty() ? 0 : POLLOUT));
    std::array<pollfd, 3> wanted{pollfd{take_input ? streams_.input : -1, POLLIN, 0},
                                 pollfd{streams_.console, console_events, 0}, pollfd{signals.descriptor(), POLLIN, 0}};
    const int ready = ::poll(wanted.data(), wanted.size(), timeout());
    if (ready < 0 && errno != EINTR) fail("poll");
    if (ready == 0) return End::input_ended;
    if (wanted[2].revents != 0 && signals.take() != 0) return End::signal;
    if (wanted[1].revents != 0)
        if (const auto end = read_console()) return end;
    if (wanted[0].revents != 0)
        if (const auto end = read_input()) return end;
    write_console();
    return {};
}

std::optional<ConsolePump::End> ConsolePump::read_input() {
    std::array<char, chunk> buffer;
    const auto size = ::read(streams_.input, buffer.data(), buffer.size());
    if (size < 0 && must_wait()) return {};
    if (size < 0) fail("reading the input");
    if (size == 0) {
        input_open_ = false;
        return {};
    }
    const std::string_view bytes(buffer.data(), static_cast<std::size_t>(size));
    const auto escape = escape_ ? bytes.find(escape_key) : std::string_view::npos;
    pending_ += bytes.substr(0, escape);
    if (escape == std::string_view::npos) return {};
    write_console();
    return End::left;
}

std::optional<ConsolePump::End> ConsolePump::read_console() {
    std::array<char, chunk> buffer;
    const auto size = ::recv(streams_.console, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (size < 0 && must_wait()) return {};
    if (size < 0 && errno != ECONNRESET) fail("reading the console");
    if (size <= 0) return End::console_closed;
    write_all(streams_.output, {buffer.data(), static_cast<std::size_t>(size)});
    return {};
}

void ConsolePump::write_console() {
    if (pending_.empty()) return;
    const auto size = ::send(streams_.console, pending_.data(), pending_.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (size > 0) pending_.erase(0, static_cast<std::size_t>(size));
    // A console that was closed says so when it is read: what it printed last is not lost.
    if (size < 0 && !must_wait()) pending_.clear();
}

}  // namespace virtbusctl
