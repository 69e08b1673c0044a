// SPDX-License-Identifier: LGPL-2.1-or-later
// A few threads that run blocking calls for the main thread. `run` is called and answers on the main thread; the work
// runs on a thread of the lane. Work that waits for ever costs one thread here and nothing elsewhere.
#pragma once

#include "base/latch.h"
#include "base/task.h"
#include "model/error.h"

#include <asio/post.hpp>
#include <asio/thread_pool.hpp>

#include <chrono>
#include <exception>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>

namespace virtbus {

class WorkerLane {
public:
    using Patience = std::chrono::steady_clock::duration;

    /// `name` is for the Busy error; `most` is how many calls may run or wait for a thread at once.
    WorkerLane(asio::io_context& loop, std::string name, std::size_t threads, std::size_t most)
        : loop_(loop), name_(std::move(name)), most_(most), pool_(threads) {}

    /// Runs `work()` on a thread of the lane and returns what it returns or throws what it throws. When `patience`
    /// ends first it throws Error timeout; the work goes on, and its outcome is dropped.
    template <typename Work>
    Task<std::invoke_result_t<Work&>> run(Work work, Patience patience);

    /// Runs `work` some time, for nobody to wait for: it must not throw.
    template <typename Work>
    void run_detached(Work work) {
        asio::post(pool_, std::move(work));
    }

    /// How many calls run or wait for a thread.
    [[nodiscard]] std::size_t pending() const { return *pending_; }

private:
    struct Nothing {};

    template <typename Result>
    using Value = std::conditional_t<std::is_void_v<Result>, Nothing, Result>;

    template <typename Result>
    struct Outcome {
        explicit Outcome(asio::io_context& loop) : done(loop.get_executor()) {}
        Latch done;
        std::variant<std::monostate, Value<Result>, std::exception_ptr> value;
    };

    asio::io_context& loop_;
    std::string name_;
    std::size_t most_;
    // Main thread only. Shared with outcomes that are on their way when the lane goes.
    std::shared_ptr<std::size_t> pending_ = std::make_shared<std::size_t>(0);
    asio::thread_pool pool_;
};

template <typename Work>
Task<std::invoke_result_t<Work&>> WorkerLane::run(Work work, Patience patience) {
    using Result = std::invoke_result_t<Work&>;
    if (*pending_ >= most_) throw Error(Code::busy, name_ + " has too many calls under way; try again later");

    auto outcome = std::make_shared<Outcome<Result>>(loop_);
    ++*pending_;
    asio::post(pool_, [this, outcome, work = std::make_unique<Work>(std::move(work))]() mutable {
        decltype(outcome->value) value;
        try {
            if constexpr (std::is_void_v<Result>) {
                (*work)();
                value.template emplace<1>();
            } else {
                value.template emplace<1>((*work)());
            }
        } catch (...) {
            value.template emplace<2>(std::current_exception());
        }
        work.reset();  // what it held, such as a connection, ends here and not on the main thread
        asio::post(loop_, [pending = pending_, outcome = std::move(outcome), value = std::move(value)]() mutable {
            --*pending;
            outcome->value = std::move(value);
            outcome->done.set();
        });
    });

    const bool done = co_await outcome->done.wait(patience);
    if (!done)
        throw Error(Code::timeout, name_ + " did not answer in time; what was asked may still happen");
    if (auto* failure = std::get_if<2>(&outcome->value)) std::rethrow_exception(*failure);
    if constexpr (!std::is_void_v<Result>) co_return std::move(std::get<1>(outcome->value));
}

}  // namespace virtbus
