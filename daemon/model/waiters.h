// SPDX-License-Identifier: LGPL-2.1-or-later
// Those who wait until something in a mirror has been read, such as the caller of a method that changes it. Main thread
// only.
#pragma once

#include "base/latch.h"
#include "base/task.h"

#include <chrono>
#include <exception>
#include <memory>
#include <vector>

namespace virtbus {

/// What they hear when there will be no reading any more.
std::exception_ptr not_served();

class Waiters {
public:
    /// What somebody waits for. That it is gone may be found by a reading that had begun before: enough for who may
    /// have removed it.
    enum class Until { read, read_or_gone };

    /// Returns when they are released. Throws what the reading threw, or Error timeout. They may be moved, and go, in
    /// the meantime.
    Task<> join(asio::io_context& loop, std::chrono::steady_clock::duration patience, Until until = Until::read);

    /// These wait for the same.
    void add(const Waiters& others);
    /// The reading has ended, with this failure or none. They go on in a later turn of the loop, when all that was read
    /// has been told.
    void release(const std::exception_ptr& failure) const;
    /// What they wait for is gone.
    void gone() const;

private:
    struct Waiter {
        Waiter(asio::io_context& loop, Until awaited) : done(loop.get_executor()), until(awaited) {}
        Latch done;
        Until until;
        std::exception_ptr failure;
    };

    std::vector<std::shared_ptr<Waiter>> waiters_;
};

}  // namespace virtbus
