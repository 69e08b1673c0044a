// SPDX-License-Identifier: LGPL-2.1-or-later
// What every object on the bus has in common: its methods are coroutines that answer exactly once, after the caller
// was found to have the right, and the object outlives them.
//
// sdbus-c++ 1.2 and the libsystemd below it make three demands, which are met here and nowhere else: only sdbus::Error
// may leave a handler; a call must be answered, or its caller waits 25 s; and it must be answered before the object's
// vtable is gone, or libsystemd reads freed memory.
#pragma once

#include "base/latch.h"
#include "base/log.h"
#include "base/quota.h"
#include "base/task.h"
#include "bus/audit.h"
#include "bus/authority.h"
#include "bus/call.h"
#include "bus/callers.h"
#include "bus/connection.h"
#include "bus/error.h"
#include "bus/managed_objects.h"
#include "model/machine_quota.h"

#include <sdbus-c++/sdbus-c++.h>

#include <chrono>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace virtbus::bus {

/// What all objects stand on.
struct Services {
    asio::io_context& loop;
    sdbus::IConnection& connection;
    Callers& callers;
    Authority& authority;
    Audit& audit;
    ManagedObjects& managed_objects;
    MachineQuota& machine_quota;
};

/// What a handler returns for the results of its method: nothing, one value, or a tuple of several.
template <typename... Out>
struct OutcomeOf {
    using Type = std::tuple<Out...>;
};
template <>
struct OutcomeOf<> {
    using Type = void;
};
template <typename Only>
struct OutcomeOf<Only> {
    using Type = Only;
};

class ServedObject : public std::enable_shared_from_this<ServedObject> {
public:
    explicit ServedObject(Services services) : services_(services), idle_(services.loop.get_executor()) {}
    ServedObject(const ServedObject&) = delete;
    ServedObject& operator=(const ServedObject&) = delete;
    virtual ~ServedObject() = default;

    /// Refuses new calls with `error`; those under way go on.
    void refuse(const Error& error);
    /// Waits until no call is under way, or `patience` has passed.
    Task<> settle(std::chrono::steady_clock::duration patience);
    /// Refuses new calls, and answers those that are still under way with `error`: the object leaves the bus. Handlers
    /// that run on find nobody waiting.
    void retire(const Error& error);

protected:
    template <typename... Out>
    using BodyOf = std::function<Task<typename OutcomeOf<Out...>::Type>(Call&)>;

    /// What its calls are about, as it is now.
    [[nodiscard]] virtual Details details() const = 0;

    /// Serves one method call: checks that its caller may do `action` with it, runs the coroutine `body(Call&)` and
    /// replies with what it returns. Whatever it throws becomes the error reply. The journal gets what became of it.
    template <typename... Out>
    void serve(const sdbus::IObject& object, sdbus::Result<Out...>&& result, Action action, BodyOf<Out...> body);

    /// What the arguments of `call` name besides the object: its caller must have the right to do `action` with `other`
    /// as well, or who may change one object could have it done with any.
    Task<> require(Action action, Call call, Details other);

    [[nodiscard]] const Services& services() const { return services_; }

private:
    /// A reply that is owed.
    class Reply {
    public:
        virtual ~Reply() = default;
        virtual void fail(const std::exception_ptr& failure) = 0;
    };

    template <typename... Out>
    class ReplyOf;

    /// A call that is under way.
    class Serving {
    public:
        explicit Serving(ServedObject& object) : object_(object) { ++object_.serving_; }
        ~Serving() {
            if (--object_.serving_ == 0) object_.idle_.set();
        }
        Serving(const Serving&) = delete;
        Serving& operator=(const Serving&) = delete;

    private:
        ServedObject& object_;
    };

    template <typename... Out>
    static Task<> answer(std::shared_ptr<ServedObject> self, std::shared_ptr<ReplyOf<Out...>> reply, Action action,
                         Call call, BodyOf<Out...> body);

    /// Learns who calls, and refuses who may not, or has too much under way already: the place is the call's.
    Task<Quota<uid_t>::Place> admit(Action action, Call& call);
    /// Asks whether the caller may do `action` with what `call` is about, and whether the object still is what it was.
    Task<> ask(Action action, const Call& call);

    void owe(const std::shared_ptr<Reply>& reply);

    Services services_;
    std::vector<std::weak_ptr<Reply>> owed_;
    std::exception_ptr refusal_;
    int serving_ = 0;
    Latch idle_;
};

template <typename... Out>
class ServedObject::ReplyOf final : public Reply {
public:
    explicit ReplyOf(sdbus::Result<Out...>&& result) : result_(std::move(result)) {}
    ~ReplyOf() override {
        fail(std::make_exception_ptr(Error(Code::internal, "a defect of virtbus: the call was dropped")));
    }

    template <typename... Values>
    void succeed(const Values&... values) {
        if (answered_) return;
        try {
            result_.returnResults(values...);
            answered_ = true;
        } catch (const sdbus::Error& error) {  // such as a caller that does not take descriptors
            fail(std::make_exception_ptr(Error(Code::failed, "the result cannot be sent: " + error.getMessage())));
        }
    }

    void fail(const std::exception_ptr& failure) override {
        if (std::exchange(answered_, true)) return;
        try {
            result_.returnError(to_bus_error(failure));
        } catch (const sdbus::Error& error) {
            log::warning("cannot reply: " + error.getMessage());
        }
    }

private:
    sdbus::Result<Out...> result_;
    bool answered_ = false;
};

template <typename... Out>
void ServedObject::serve(const sdbus::IObject& object, sdbus::Result<Out...>&& result, Action action,
                         BodyOf<Out...> body) {
    const auto reply = std::make_shared<ReplyOf<Out...>>(std::move(result));
    if (refusal_) return reply->fail(refusal_);
    owe(reply);
    spawn(services_.loop, answer<Out...>(shared_from_this(), reply, action, current_call(object), std::move(body)),
          "a method call");
}

template <typename... Out>
Task<> ServedObject::answer(std::shared_ptr<ServedObject> self, std::shared_ptr<ReplyOf<Out...>> reply, Action action,
                            Call call, BodyOf<Out...> body) {
    const Serving serving(*self);
    AuditEntry entry(self->services_.audit, action, call);
    try {
        const auto place = co_await self->admit(action, call);
        if constexpr (sizeof...(Out) == 0) {
            co_await body(call);
            reply->succeed();
        } else if constexpr (sizeof...(Out) == 1) {
            const auto outcome = co_await body(call);
            entry.gave(outcome);
            reply->succeed(outcome);
        } else {
            std::apply([&](const auto&... values) { reply->succeed(values...); }, co_await body(call));
        }
        entry.done();
    } catch (...) {
        const auto failure = std::current_exception();
        reply->fail(failure);
        entry.failed(failure);
    }
}

}  // namespace virtbus::bus
