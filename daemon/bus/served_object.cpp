// SPDX-License-Identifier: LGPL-2.1-or-later
#include "bus/served_object.h"

#include <fmt/format.h>

namespace virtbus::bus {

void ServedObject::refuse(const Error& error) { refusal_ = std::make_exception_ptr(error); }

Task<> ServedObject::settle(std::chrono::steady_clock::duration patience) {
    if (serving_ == 0) co_return;
    idle_.reset();
    co_await idle_.wait(patience);
}

void ServedObject::retire(const Error& error) {
    refuse(error);
    for (const auto& entry : std::exchange(owed_, {}))
        if (const auto reply = entry.lock()) reply->fail(refusal_);
}

Task<Quota<uid_t>::Place> ServedObject::admit(Action action, Call& call) {
    call.uid = co_await services_.callers.uid(call.sender);
    auto place = services_.callers.enter(call.uid);
    call.details = details();
    co_await ask(action, call);
    co_return place;
}

Task<> ServedObject::require(Action action, Call call, Details other) {
    call.details = std::move(other);
    try {
        co_await ask(action, call);
    } catch (const Error& error) {
        throw Error(error.code(), fmt::format("{}: {}", describe(call.details), error.what()));
    }
}

Task<> ServedObject::ask(Action action, const Call& call) {
    const auto before = details();
    co_await services_.authority.require(action, call);
    if (refusal_) std::rethrow_exception(refusal_);
    // Time has passed. What was allowed was allowed for what it was about then.
    if (details() != before)
        throw Error(Code::access_denied, describe(before) + " has changed while its rights were looked up: call again");
}

void ServedObject::owe(const std::shared_ptr<Reply>& reply) {
    std::erase_if(owed_, [](const auto& entry) { return entry.expired(); });
    owed_.push_back(reply);
}

}  // namespace virtbus::bus
