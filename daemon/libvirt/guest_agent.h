// SPDX-License-Identifier: LGPL-2.1-or-later
// One conversation with the agent in a running guest, qemu-ga(8): a command in, checked JSON out. Whatever comes is the
// guest's word: too much of it, what is no JSON or not the answer to that command, and what comes too late is an Error
// agent_unresponsive. The whole conversation takes a minute at most. Blocks; one thread.
#pragma once

#include "libvirt/domain.h"
#include "model/error.h"

#include <nlohmann/json.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>

namespace virtbus {

using Json = nlohmann::json;

/// The agent has heard a command and says, in its own words, why it does not obey.
class AgentRefusal : public Error {
public:
    using Error::Error;

    [[nodiscard]] bool says(std::string_view words) const {
        return std::string_view(what()).find(words) != std::string_view::npos;
    }
};

class GuestAgent {
public:
    using Patience = std::chrono::seconds;
    /// Gives the agent the command `name`, as JSON, and returns its answer; throws AgentRefusal or another Error.
    using Send = std::function<std::string(const std::string& name, const std::string& json, Patience patience)>;

    /// `name`: the machine's, for errors.
    GuestAgent(std::string name, Send send);

    [[nodiscard]] const std::string& name() const { return name_; }

    /// Error not_supported, which names the first of these commands that the agent does not have or must not obey.
    void require(std::initializer_list<std::string_view> commands);

    /// What the command returns.
    Json ask(const std::string& command, const Json& arguments = Json::object());
    /// For tidying up: also when the time is over, and whether or not it can be done.
    void tell(const std::string& command, const Json& arguments) noexcept;

    // What is asked of an answer: agent_unresponsive when it is not there, or of another type.
    [[nodiscard]] const Json& member(const Json& answer, const std::string& command, const char* key,
                                     Json::value_t type) const;
    [[nodiscard]] std::int64_t number(const Json& value, const std::string& command) const;
    [[nodiscard]] Error nonsense(const std::string& command, std::string_view what) const;

private:
    Json answer_to(const std::string& command, const Json& arguments, Patience patience);

    std::string name_;
    Send send_;
    std::chrono::steady_clock::time_point end_;
};

/// To the agent of this machine, which outlives it.
GuestAgent::Send send_to_agent(const Domain& domain);

}  // namespace virtbus
