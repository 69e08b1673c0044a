// SPDX-License-Identifier: LGPL-2.1-or-later
// Asks polkit whether a caller may do something. Whatever is no clear yes is a no. Main thread only.
#pragma once

#include "base/quota.h"
#include "base/task.h"
#include "bus/call.h"
#include "bus/callers.h"

#include <sdbus-c++/sdbus-c++.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <variant>
#include <vector>

namespace virtbus::bus {

class Polkit {
public:
    Polkit(asio::io_context& loop, sdbus::IConnection& connection, Callers& callers);

    /// Returns when the caller may do `action`, an id. Error access_denied when not; interaction_required when a
    /// password would help, and the caller did not say that it may be asked for; busy when too much is being asked.
    Task<> require(std::string action, Call call);

private:
    struct Question;
    class Lane;

    [[nodiscard]] std::shared_ptr<Question> begin(const Call& call);
    void ask(const std::string& action, const Call& call, const std::shared_ptr<Question>& question);
    void cancel(const Question& question);
    void left(const std::string& sender);

    asio::io_context& loop_;
    std::unique_ptr<sdbus::IProxy> authority_;
    std::vector<std::weak_ptr<Question>> questions_;
    std::map<uid_t, std::shared_ptr<Lane>> lanes_;
    Quota<std::monostate> asking_;  // of all users together
    std::uint64_t last_number_ = 0;
};

}  // namespace virtbus::bus
