// SPDX-License-Identifier: LGPL-2.1-or-later
#include "bus/connection.h"

#include <fcntl.h>
#include <poll.h>
#include <systemd/sd-bus.h>
#include <unistd.h>
#include <asio/post.hpp>

#include <cerrno>
#include <chrono>
#include <system_error>

namespace virtbus::bus {

namespace {

/// How many messages one turn dispatches at most, so that a flood does not keep timers and events waiting.
constexpr int dispatch_most = 64;

/// Asio closes what it holds, and sd-bus too: each has its own.
int duplicate(int fd) {
    const int copy = ::fcntl(fd, F_DUPFD_CLOEXEC, 3);
    if (copy < 0) throw std::system_error(errno, std::generic_category(), "cannot duplicate the bus descriptor");
    return copy;
}

/// sdbus-c++ does not tell the flags of a message: its descendants may look at what is below.
struct MessageBelow : sdbus::Message {
    static sd_bus_message* of(const sdbus::Message& message) {
        return static_cast<sd_bus_message*>(message.*(&MessageBelow::msg_));
    }
};

}  // namespace

std::unique_ptr<sdbus::IConnection> open_bus(BusType type) {
    return type == BusType::session ? sdbus::createSessionBusConnection() : sdbus::createSystemBusConnection();
}

Pump::Pump(asio::io_context& loop, sdbus::IConnection& connection)
    : loop_(loop),
      connection_(connection),
      descriptor_(loop, duplicate(connection.getEventLoopPollData().fd)),
      timer_(loop) {}

void Pump::turn() {
    int dispatched = 0;
    while (dispatched < dispatch_most && connection_.processPendingRequest()) ++dispatched;
    if (dispatched == dispatch_most) asio::post(loop_, [] {});  // there may be more: come back after the others
    arm(connection_.getEventLoopPollData());
}

void Pump::arm(const sdbus::IConnection::PollData& poll) {
    // The handlers do nothing: their turn of the loop ends in turn().
    if (!std::exchange(waits_to_read_, true))
        descriptor_.async_wait(asio::posix::stream_descriptor::wait_read,
                               [this](const asio::error_code&) { waits_to_read_ = false; });
    if ((poll.events & POLLOUT) != 0 && !std::exchange(waits_to_write_, true))
        descriptor_.async_wait(asio::posix::stream_descriptor::wait_write,
                               [this](const asio::error_code&) { waits_to_write_ = false; });
    if (std::exchange(timer_usec_, poll.timeout_usec) == poll.timeout_usec) return;
    timer_.cancel();
    if (poll.timeout_usec == UINT64_MAX) return;
    timer_.expires_at(std::chrono::steady_clock::time_point(std::chrono::microseconds(poll.timeout_usec)));
    timer_.async_wait([this](const asio::error_code& error) {
        if (!error) timer_usec_ = UINT64_MAX;
    });
}

Call current_call(const sdbus::IObject& object) {
    Call call;
    const auto* message = object.getCurrentlyProcessedMessage();
    if (message == nullptr) return call;
    call.sender = message->getSender();
    call.verb = message->getMemberName();
    call.interactive = sd_bus_message_get_allow_interactive_authorization(MessageBelow::of(*message)) > 0;
    return call;
}

}  // namespace virtbus::bus
