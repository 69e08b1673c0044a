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
        : loop_(loop), name_(std::move(name)), most_(most), work_(std::make_shared<Count>(loop)), pool_(threads) {}

    /// Runs `work()` on a thread of the lane and returns what it returns or throws what it throws. When `patience`
    /// ends first it throws Error timeout; the work goes on, and its outcome is dropped.
    template <typename Work>
    Task<std::invoke_result_t<Work&>> run(Work work, Patience patience);

    /// Runs `work` some time, for nobody to wait for: it must not throw.
    template <typename Work>
    void run_detached(Work work) {
        ++work_->detached;
        asio::post(pool_, [&loop = loop_, count = work_, work = std::move(work)]() mutable {
            work();
            asio::post(loop, [count = std::move(count)] { ended(count->detached, *count); });
        });
    }

    /// How many calls run or wait for a thread.
    [[nodiscard]] std::size_t pending() const { return work_->calls; }
    /// Whether nothing at all runs or waits for a thread.
    [[nodiscard]] bool is_idle() const { return work_->calls + work_->detached == 0; }

    /// Ends its threads as soon as nothing runs on them, be it never: nothing is begun on it after this was called. Who
    /// destroys a lane that is not idle waits for what runs.
    Task<> end() {
        while (!is_idle()) {
            work_->idle.reset();
            co_await work_->idle.wait();
        }
        pool_.join();
    }

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

    /// What runs or waits for a thread. Main thread only.
    struct Count {
        explicit Count(asio::io_context& loop) : idle(loop.get_executor()) {}
        std::size_t calls = 0;
        std::size_t detached = 0;
        Latch idle;
    };

    static void ended(std::size_t& one, Count& count) {
        --one;
        if (count.calls + count.detached == 0) count.idle.set();
    }

    asio::io_context& loop_;
    std::string name_;
    std::size_t most_;
    std::shared_ptr<Count> work_;  // shared with outcomes that are on their way when the lane goes
    asio::thread_pool pool_;
};

template <typename Work>
Task<std::invoke_result_t<Work&>> WorkerLane::run(Work work, Patience patience) {
    using Result = std::invoke_result_t<Work&>;
    if (work_->calls >= most_) throw Error(Code::busy, name_ + " has too many calls under way; try again later");

    auto outcome = std::make_shared<Outcome<Result>>(loop_);
    ++work_->calls;
    asio::post(pool_, [&loop = loop_, count = work_, outcome,
                       work = std::make_unique<Work>(std::move(work))]() mutable {
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
        asio::post(loop, [count = std::move(count), outcome = std::move(outcome), value = std::move(value)]() mutable {
            ended(count->calls, *count);
            outcome->value = std::move(value);
            outcome->done.set();
        });
    });

    const bool done = co_await outcome->done.wait(patience);
    if (!done) throw Error(Code::timeout, name_ + " did not answer in time; what was asked may still happen");
    if (auto* failure = std::get_if<2>(&outcome->value)) std::rethrow_exception(*failure);
    if constexpr (!std::is_void_v<Result>) co_return std::move(std::get<1>(outcome->value));
}

}  // namespace virtbus
