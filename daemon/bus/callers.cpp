// SPDX-License-Identifier: LGPL-2.1-or-later
#include "bus/callers.h"

#include "base/latch.h"
#include "model/error.h"

#include <fmt/format.h>
#include <asio/post.hpp>

#include <cstdint>
#include <optional>

namespace virtbus::bus {

namespace {

constexpr std::chrono::seconds broker_patience{20};

/// How many calls of one connection may wait until it is known whose they are. The bus lets a connection wait for 128
/// replies; those that want no reply could be any number.
constexpr std::size_t unknown_most = 256;

/// Unique names that go; who comes does not wake us.
constexpr const char* leaving_rule =
    "type='signal',sender='org.freedesktop.DBus',path='/org/freedesktop/DBus',interface='org.freedesktop.DBus',"
    "member='NameOwnerChanged',arg2=''";

}  // namespace

struct Callers::Answer {
    explicit Answer(asio::io_context& loop) : done(loop.get_executor()) {}
    Latch done;
    std::optional<uid_t> uid;
    std::size_t waiting = 0;
};

Callers::Callers(asio::io_context& loop, sdbus::IConnection& connection, std::size_t most_calls)
    : loop_(loop),
      most_calls_(most_calls),
      broker_(sdbus::createProxy(connection, "org.freedesktop.DBus", "/org/freedesktop/DBus")),
      leaving_(connection.addMatch(leaving_rule, [this](sdbus::Message& message) {
          std::string name;
          message >> name;
          if (name.starts_with(':')) leave(name);
      })) {}

Task<uid_t> Callers::uid(std::string sender) {
    if (const auto found = known_.find(sender); found != known_.end()) co_return found->second;
    auto asked = asked_[sender];
    if (!asked) asked = ask(sender);
    if (++asked->waiting > unknown_most) throw Error(Code::limits_exceeded, "too many calls at once");
    co_await asked->done.wait(broker_patience);
    if (!asked->uid) throw Error(Code::access_denied, "the caller has left the bus");
    co_return *asked->uid;
}

Quota<uid_t>::Place Callers::enter(uid_t uid) {
    if (uid == 0) return {};
    auto place = under_way_.take(uid, most_calls_);
    if (!place)
        throw Error(Code::limits_exceeded,
                    fmt::format("uid {} has {} calls under way, and more are not allowed (limits.calls "
                                "of virtbusd's configuration): wait for some to end",
                                uid, most_calls_));
    return place;
}

std::shared_ptr<Callers::Answer> Callers::ask(const std::string& sender) {
    const auto answer = std::make_shared<Answer>(loop_);
    asked_[sender] = answer;
    broker_->callMethodAsync("GetConnectionUnixUser")
        .onInterface("org.freedesktop.DBus")
        .withTimeout(broker_patience)
        .withArguments(sender)
        .uponReplyInvoke([this, answer, sender](const sdbus::Error* error, std::uint32_t uid) {
            asked_.erase(sender);
            if (error == nullptr) {
                known_.emplace(sender, uid);
                answer->uid = uid;
            }
            answer->done.set();
        });
    return answer;
}

void Callers::leave(const std::string& name) {
    // Its last calls may be in the queue of this turn. They are carried out, as it has sent them.
    asio::post(loop_, [this, name] { known_.erase(name); });
    if (left_) left_(name);
}

}  // namespace virtbus::bus
