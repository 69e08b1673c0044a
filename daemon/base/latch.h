// SPDX-License-Identifier: LGPL-2.1-or-later
// Something that coroutines wait for until it is set, or until their patience ends. Main thread only.
#pragma once

#include "base/task.h"

#include <asio/any_io_executor.hpp>
#include <asio/steady_timer.hpp>

#include <chrono>
#include <memory>

namespace virtbus {

class Latch {
public:
    explicit Latch(const asio::any_io_executor& executor);

    void set();
    void reset() { set_ = false; }
    [[nodiscard]] bool is_set() const { return set_; }

    /// Waits until it is set; false when `patience` ended first (duration::max() never does). Several
    /// may wait at once.
    /// The caller keeps the latch alive while it waits.
    Task<bool> wait(std::chrono::steady_clock::duration patience);

    /// Waits without an end of its own: only where somebody is sure to set it.
    Task<> wait();

private:
    asio::any_io_executor executor_;
    // Never expires: cancelling it wakes all who wait. Shared with alarms that may be on their way when the latch goes.
    std::shared_ptr<asio::steady_timer> set_signal_;
    bool set_ = false;
};

}  // namespace virtbus
