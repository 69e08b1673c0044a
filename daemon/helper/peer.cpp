// SPDX-License-Identifier: LGPL-2.1-or-later
#include "helper/peer.h"

#include "helper/protocol.h"
#include "helper/socket_line.h"

#include <sys/signalfd.h>
#include <sys/socket.h>

#include <csignal>

namespace virtbus {

namespace {

constexpr auto pause_between = std::chrono::milliseconds(50);

[[noreturn]] void end_cancelled() { throw Error(Code::cancelled, "It was cancelled"); }

UniqueFd hear_signals() {
    sigset_t ends;
    ::sigemptyset(&ends);
    for (const int number : {SIGTERM, SIGINT, SIGHUP}) ::sigaddset(&ends, number);
    ::sigprocmask(SIG_BLOCK, &ends, nullptr);
    ::signal(SIGPIPE, SIG_IGN);
    UniqueFd signals(::signalfd(-1, &ends, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!signals) throw Error(Code::failed, "The helper program cannot hear signals");
    return signals;
}

}  // namespace

Peer::Peer(int socket) : socket_(socket), signals_(hear_signals()) {}

std::string Peer::request() {
    std::string received;
    for (;;) {
        if (auto line = take_line(received)) return *line;
        auto watched = files();
        watched[0].events |= POLLIN;
        if (::poll(watched.data(), watched.size(), -1) < 0) continue;
        if ((watched[0].revents & POLLIN) == 0 || !receive_some(socket_, received, files_)) end_cancelled();
        if (files_.size() > line_files_max)
            throw Error(Code::invalid_args, "Too many descriptors came with the request");
    }
}

void Peer::require_file(std::string_view key, const std::string& path) const {
    if (scope_.files) scope_.files->check(key, path);
}

void Peer::require_root(std::string_view key, const std::string& path) const {
    if (scope_.files) scope_.files->check_root(key, path);
}

void Peer::at(std::uint64_t processed, std::uint64_t total) {
    const auto now = std::chrono::steady_clock::now();
    if (now - told_ < pause_between) return;
    told_ = now;
    const auto line = protocol_line({{"processed", processed}, {"total", total}});
    // Whoever does not listen does not stop the work; so short a line is sent as a whole or not at all.
    ::send(socket_, line.data(), line.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

void Peer::answer(const nlohmann::json& message) const {
    static_cast<void>(send_line(socket_, protocol_line(message), {}));  // whoever has left hears nothing
}

std::array<pollfd, 2> Peer::files() const { return {pollfd{socket_, POLLRDHUP, 0}, pollfd{signals_.get(), POLLIN, 0}}; }

bool Peer::cancelled(const std::array<pollfd, 2>& files) {
    return (files[0].revents & (POLLRDHUP | POLLHUP | POLLERR | POLLNVAL)) != 0 || files[1].revents != 0;
}

void Peer::refuse_cancelled() const {
    auto watched = files();
    if (::poll(watched.data(), watched.size(), 0) > 0 && cancelled(watched)) end_cancelled();
}

}  // namespace virtbus
