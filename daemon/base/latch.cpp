// SPDX-License-Identifier: LGPL-2.1-or-later
#include "base/latch.h"

#include <asio/redirect_error.hpp>
#include <asio/use_awaitable.hpp>

#include <memory>

namespace virtbus {

using Clock = std::chrono::steady_clock;

Latch::Latch(const asio::any_io_executor& executor)
    : executor_(executor), set_signal_(std::make_shared<asio::steady_timer>(executor, Clock::time_point::max())) {}

void Latch::set() {
    set_ = true;
    set_signal_->cancel();
}

Task<bool> Latch::wait(Clock::duration patience) {
    if (patience == Clock::duration::max()) {
        co_await wait();
        co_return true;
    }
    // A second timer ends the first wait: it wakes all who wait, and those who still may wait go on waiting.
    const auto end = Clock::now() + patience;
    auto alarm = asio::steady_timer(executor_, end);
    alarm.async_wait([signal = set_signal_](const asio::error_code& error) {
        if (!error) signal->cancel();
    });
    while (!set_ && Clock::now() < end) {
        asio::error_code woken;
        co_await set_signal_->async_wait(asio::redirect_error(asio::use_awaitable, woken));
    }
    co_return set_;
}

Task<> Latch::wait() {
    while (!set_) {
        asio::error_code woken;
        co_await set_signal_->async_wait(asio::redirect_error(asio::use_awaitable, woken));
    }
}

}  // namespace virtbus
