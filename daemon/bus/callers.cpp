// SPDX-License-Identifier: LGPL-2.1-or-later
#include "bus/callers.h"

#include "base/latch.h"
#include "model/error.h"

#include <cstdint>
#include <optional>

namespace virtbus::bus {

namespace {

constexpr std::size_t known_most = 4'096;
constexpr std::chrono::seconds broker_patience{20};

struct Answer {
    explicit Answer(asio::io_context& loop) : done(loop.get_executor()) {}
    Latch done;
    std::optional<uid_t> uid;
};

}  // namespace

Callers::Callers(asio::io_context& loop, sdbus::IConnection& connection)
    : loop_(loop),
      broker_(sdbus::createProxy(connection, "org.freedesktop.DBus", "/org/freedesktop/DBus")) {}

Task<uid_t> Callers::uid(std::string sender) {
    if (const auto found = known_.find(sender); found != known_.end()) co_return found->second;
    const auto answer = std::make_shared<Answer>(loop_);
    broker_->callMethodAsync("GetConnectionUnixUser")
        .onInterface("org.freedesktop.DBus")
        .withArguments(sender)
        .uponReplyInvoke([answer](const sdbus::Error* error, std::uint32_t uid) {
            if (error == nullptr) answer->uid = uid;
            answer->done.set();
        });
    co_await answer->done.wait(broker_patience);
    if (!answer->uid) throw Error(Code::access_denied, "the caller has left the bus");
    if (known_.size() >= known_most) known_.clear();
    known_.emplace(std::move(sender), *answer->uid);
    co_return *answer->uid;
}

}  // namespace virtbus::bus
