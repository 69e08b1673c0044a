// SPDX-License-Identifier: LGPL-2.1-or-later
// A guest agent's answers, one a line: after the last it is silent. A line that is no JSON is what it refuses with.
#include "fuzz_target.h"

#include "libvirt/address_reader.h"
#include "libvirt/agent_identity.h"

#include <set>
#include <string>

namespace virtbus::fuzz {

namespace {

class Agent {
public:
    explicit Agent(std::string_view answers) : answers_(answers) {}

    GuestAgent::Send sender() {
        return [this](const std::string& name, const std::string&, GuestAgent::Patience) {
            if (name == "guest-file-open") ++opened_;
            if (name == "guest-file-close") ++closed_;
            return next_line();
        };
    }
    void require_closed() const { require(closed_ <= opened_, "what was opened is closed once"); }

private:
    std::string next_line() {
        if (answers_.empty()) throw Error(Code::agent_unresponsive, "silence");
        const auto end = std::min(answers_.find('\n'), answers_.size());
        std::string line(answers_.substr(0, end));
        answers_.remove_prefix(std::min(end + 1, answers_.size()));
        if (!line.starts_with('{')) throw AgentRefusal(Code::unsupported_guest, line);
        return line;
    }

    std::string_view answers_;
    int opened_ = 0;
    int closed_ = 0;
};

template <typename Talk>
void talk_to_agent(std::string_view answers, Talk&& talk) {
    Agent guest(answers);
    is_taken([&] {
        GuestAgent agent("web", guest.sender());
        talk(agent);
    });
    guest.require_closed();
}

}  // namespace

void read_anything(std::string_view input) {
    talk_to_agent(input, [](GuestAgent& agent) { read_agent_identity(agent); });
    talk_to_agent(input, [](GuestAgent& agent) { read_agent_addresses(agent); });
    talk_to_agent(input, [](GuestAgent& agent) {
        IdentityChange change;
        change.id = MachineId::parse("0123456789abcdef0123456789abcdef");
        change_agent_identity(agent, change);
    });
}

}  // namespace virtbus::fuzz
