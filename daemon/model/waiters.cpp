// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/waiters.h"

#include "model/error.h"

#include <asio/io_context.hpp>

namespace virtbus {

std::exception_ptr not_served() {
    return std::make_exception_ptr(Error(Code::disconnected, "the hypervisor is not served any more"));
}

Task<> Waiters::join(asio::io_context& loop, std::chrono::steady_clock::duration patience, Until until) {
    const auto waiter = std::make_shared<Waiter>(loop, until);
    waiters_.push_back(waiter);
    const bool done = co_await waiter->done.wait(patience);
    if (!done)
        throw Error(Code::timeout,
                    "the hypervisor did not tell in time what has become of it: what was asked may be done");
    if (waiter->failure) std::rethrow_exception(waiter->failure);
}

void Waiters::add(const Waiters& others) {
    waiters_.insert(waiters_.end(), others.waiters_.begin(), others.waiters_.end());
}

void Waiters::release(const std::exception_ptr& failure) const {
    for (const auto& waiter : waiters_) {
        waiter->failure = failure;
        waiter->done.set();
    }
}

void Waiters::gone() const {
    for (const auto& waiter : waiters_)
        if (waiter->until == Until::read_or_gone) waiter->done.set();
}

}  // namespace virtbus
