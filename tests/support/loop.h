// SPDX-License-Identifier: LGPL-2.1-or-later
// Turns an io_context for a test until something is so, and never for longer than a bound.
#pragma once

#include "base/task.h"

#include <asio/co_spawn.hpp>
#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>

#include <chrono>
#include <exception>
#include <optional>
#include <stdexcept>
#include <utility>

namespace virtbus::test {

/// Longer than anything may take, also where sanitizers slow it down: who waits that long has failed.
constexpr std::chrono::seconds bound{60};

/// Whether `condition` came true. What it asks may be changed by other threads, which need not wake the loop.
template <typename Condition>
bool turn_until(asio::io_context& loop, Condition condition, std::chrono::steady_clock::duration at_most = bound) {
    const auto end = std::chrono::steady_clock::now() + at_most;
    const auto keep_going = asio::make_work_guard(loop);
    if (loop.stopped()) loop.restart();
    while (!condition()) {
        if (std::chrono::steady_clock::now() >= end) return false;
        loop.run_one_for(std::chrono::milliseconds(2));
    }
    return true;
}

/// Does whatever can be done without waiting.
inline void settle(asio::io_context& loop) {
    if (loop.stopped()) loop.restart();
    while (loop.poll_one() > 0) {
    }
}

namespace detail {

template <typename T>
struct Ended {
    std::optional<T> value;
    std::exception_ptr failure;
    bool done = false;
};

}  // namespace detail

/// Runs `task` to its end and returns what it returns, or throws what it throws.
template <typename T>
T run(asio::io_context& loop, Task<T> task) {
    const auto ended = std::make_shared<detail::Ended<T>>();
    asio::co_spawn(loop, std::move(task), [ended](std::exception_ptr failure, T value) {
        ended->failure = failure;
        ended->value = std::move(value);
        ended->done = true;
    });
    if (!turn_until(loop, [&] { return ended->done; })) throw std::runtime_error("the task did not end in time");
    if (ended->failure) std::rethrow_exception(ended->failure);
    return std::move(*ended->value);
}

inline void run(asio::io_context& loop, Task<> task) {
    const auto ended = std::make_shared<detail::Ended<bool>>();
    asio::co_spawn(loop, std::move(task), [ended](std::exception_ptr failure) {
        ended->failure = failure;
        ended->done = true;
    });
    if (!turn_until(loop, [&] { return ended->done; })) throw std::runtime_error("the task did not end in time");
    if (ended->failure) std::rethrow_exception(ended->failure);
}

/// A task that goes on beside the test.
struct Started {
    bool done = false;
    std::exception_ptr failure;
};

inline std::shared_ptr<Started> begin(asio::io_context& loop, Task<> task) {
    auto started = std::make_shared<Started>();
    asio::co_spawn(loop, std::move(task), [started](std::exception_ptr failure) {
        started->failure = failure;
        started->done = true;
    });
    return started;
}

}  // namespace virtbus::test
