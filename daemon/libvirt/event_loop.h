// SPDX-License-Identifier: LGPL-2.1-or-later
// libvirt's event loop, on a thread of its own. Timers of keepalive, events, streams and the freeing of callbacks all
// need it: it is made before the first connection and outlives the last. Its callbacks never wait for anything, since
// a loop that stands still loses every connection.
#pragma once

#include <atomic>
#include <thread>

namespace virtbus {

class EventLoop {
public:
    /// Prepares the process for libvirt (SIGPIPE is ignored from now on) and starts the thread. At most one exists at a
    /// time.
    EventLoop();
    /// Stops and joins the thread.
    ~EventLoop();
    EventLoop(const EventLoop&) = delete;
    EventLoop& operator=(const EventLoop&) = delete;

private:
    void run();

    std::atomic<bool> stopping_ = false;
    int tick_ = -1;  // a timer of libvirt's loop: asleep until the loop shall stop
    std::thread thread_;
};

}  // namespace virtbus
