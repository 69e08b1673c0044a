// SPDX-License-Identifier: LGPL-2.1-or-later
#include "base/task.h"

#include "base/log.h"

#include <fmt/format.h>
#include <asio/co_spawn.hpp>
#include <asio/steady_timer.hpp>
#include <asio/use_awaitable.hpp>

#include <exception>
#include <string>

namespace virtbus {

void spawn(asio::io_context& loop, Task<> task, std::string_view what) {
    asio::co_spawn(loop, std::move(task), [what = std::string(what)](std::exception_ptr failure) {
        if (!failure) return;
        try {
            std::rethrow_exception(failure);
        } catch (const std::exception& error) {
            log::error(fmt::format("{} ended with an error: {}", what, error.what()));
        } catch (...) {
            log::error(fmt::format("{} ended with an unknown error", what));
        }
    });
}

Task<> let_pass(asio::io_context& loop, std::chrono::steady_clock::duration interval) {
    asio::steady_timer timer(loop, interval);
    co_await timer.async_wait(asio::use_awaitable);
}

}  // namespace virtbus
