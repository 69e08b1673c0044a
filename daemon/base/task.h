// SPDX-License-Identifier: LGPL-2.1-or-later
// The coroutine type of the whole daemon, and how one is started. Everything here runs on the main thread.
#pragma once

#include <asio/awaitable.hpp>
#include <asio/io_context.hpp>

#include <chrono>
#include <string_view>

namespace virtbus {

/// What an asynchronous function returns. It runs on the thread of the io_context it was spawned on.
///
/// GCC 12 makes code that crashes of two forms, so give these a name first: a co_await that is the condition of an if
/// or a loop, and a lambda with captures that need a destructor as an argument within a co_await expression.
template <typename T = void>
using Task = asio::awaitable<T>;

/// Starts `task` on `loop` and lets it go. An exception that leaves it is a defect: it is logged under `what`.
void spawn(asio::io_context& loop, Task<> task, std::string_view what);

/// Returns after a while; the loop goes on in the meantime.
Task<> let_pass(asio::io_context& loop, std::chrono::steady_clock::duration interval);

}  // namespace virtbus
