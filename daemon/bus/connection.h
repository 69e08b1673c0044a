// SPDX-License-Identifier: LGPL-2.1-or-later
// Our connection to the bus, pumped by Asio's loop instead of sdbus-c++'s own thread: one thread owns the bus. What
// differs between sdbus-c++ 1.x and 2.x, and what sdbus-c++ does not offer, belongs into this pair of files.
#pragma once

#include "bus/call.h"

#include <sdbus-c++/sdbus-c++.h>
#include <asio/io_context.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <asio/steady_timer.hpp>

#include <memory>
#include <string>

namespace virtbus::bus {

enum class BusType { session, system };

/// Throws sdbus::Error when there is no such bus. Whatever holds a message, such as an unanswered call, must be gone
/// before the connection is.
std::unique_ptr<sdbus::IConnection> open_bus(BusType type);

class Pump {
public:
    Pump(asio::io_context& loop, sdbus::IConnection& connection);

    /// Dispatches what has come, sends what is queued, and arms the wait for more. Has to be called after each turn of
    /// the loop: anything that ran may have queued a message. Throws sdbus::Error when the bus is gone.
    void turn();

private:
    void arm(const sdbus::IConnection::PollData& poll);

    asio::io_context& loop_;
    sdbus::IConnection& connection_;
    asio::posix::stream_descriptor descriptor_;
    asio::steady_timer timer_;
    bool waits_to_read_ = false;
    bool waits_to_write_ = false;
    std::uint64_t timer_usec_ = UINT64_MAX;
};

/// The call that `object` is processing now, as far as its message says: only before the first suspension.
Call current_call(const sdbus::IObject& object);

}  // namespace virtbus::bus
