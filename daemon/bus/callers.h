// SPDX-License-Identifier: LGPL-2.1-or-later
// Who calls. Who is behind a unique name is asked of the broker, which knows it from the socket (never from /proc,
// which races); and nobody has more than so many calls under way. Main thread only.
#pragma once

#include "base/quota.h"
#include "base/task.h"

#include <sdbus-c++/sdbus-c++.h>
#include <sys/types.h>

#include <functional>
#include <memory>
#include <string>
#include <unordered_map>

namespace virtbus::bus {

class Callers {
public:
    /// `most_calls` of one uid may be under way.
    Callers(asio::io_context& loop, sdbus::IConnection& connection, std::size_t most_calls);

    /// The uid of the connection `sender`; Error access_denied when the broker does not know it (any more).
    Task<uid_t> uid(std::string sender);
    /// A call of that uid is under way until the place goes. Error limits_exceeded when too many are. Root's are not
    /// counted.
    [[nodiscard]] Quota<uid_t>::Place enter(uid_t uid);

    /// `left` is told each unique name that has left the bus.
    void on_leave(std::function<void(const std::string&)> left) { left_ = std::move(left); }

private:
    struct Answer;

    std::shared_ptr<Answer> ask(const std::string& sender);
    void leave(const std::string& name);

    asio::io_context& loop_;
    std::size_t most_calls_;
    Quota<uid_t> under_way_;
    std::unique_ptr<sdbus::IProxy> broker_;
    std::unordered_map<std::string, uid_t> known_;  // a unique name is never given twice: entries stay true
    std::unordered_map<std::string, std::shared_ptr<Answer>> asked_;  // once, however many calls wait for it
    std::function<void(const std::string&)> left_;
    sdbus::Slot leaving_;
};

}  // namespace virtbus::bus
