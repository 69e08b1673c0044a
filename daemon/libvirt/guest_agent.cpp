// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libvirt/guest_agent.h"

#include "base/utf8.h"
#include "libvirt/error.h"

#include <fmt/format.h>
#include <libvirt/libvirt-qemu.h>

#include <algorithm>
#include <cstring>

namespace virtbus {

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr auto answer_patience = 10s;
constexpr auto conversation_patience = 60s;
/// guest-info, the longest answer that is asked for, has 8 KiB.
constexpr std::size_t longest_answer = 256 * 1024;
constexpr std::size_t longest_words = 400;

/// The agent's words are the guest's: as many of them as somebody reads.
std::string short_words(const std::string& text) {
    return text.size() <= longest_words ? text : to_utf8(std::string_view(text).substr(0, longest_words)) + "…";
}

[[noreturn]] void throw_refusal(const Domain& domain, const std::string& command) {
    const auto error = last_error();
    const auto code = code_from(error, domain.connection());
    const auto what = domain.cannot("ask the guest agent of");
    if (code != Code::failed) throw Error(code, fmt::format("{}: {}", what, short_words(error.message)));
    // Of what the agent says libvirt makes an internal error that names the command. Others come of answers that are
    // none, and quote them: what is in the guest's files is not for everybody.
    if (error.message.find("'" + command + "'") == std::string::npos)
        throw Error(Code::agent_unresponsive, what + ": it answers with what is no answer");
    throw AgentRefusal(Code::unsupported_guest, fmt::format("{}: {}", what, short_words(error.message)));
}

}  // namespace

GuestAgent::Send send_to_agent(const Domain& domain) {
    return [&domain](const std::string& command, const std::string& json, GuestAgent::Patience patience) {
        const TextHandle answer(
            virDomainQemuAgentCommand(domain.get(), json.c_str(), static_cast<int>(patience.count()), 0));
        if (!answer) throw_refusal(domain, command);
        return std::string(answer.get(), ::strnlen(answer.get(), longest_answer + 1));
    };
}

GuestAgent::GuestAgent(std::string name, Send send)
    : name_(std::move(name)), send_(std::move(send)), end_(Clock::now() + conversation_patience) {}

Error GuestAgent::nonsense(const std::string& command, std::string_view what) const {
    return {Code::agent_unresponsive, fmt::format("The guest agent of {} answers {} with {}", name_, command, what)};
}

Json GuestAgent::answer_to(const std::string& command, const Json& arguments, Patience patience) {
    const auto text = send_(command, Json{{"execute", command}, {"arguments", arguments}}.dump(), patience);
    if (text.size() > longest_answer) throw nonsense(command, "more than anybody has asked for");
    auto answer = Json::parse(text, nullptr, false);
    if (!answer.is_object() || !answer.contains("return")) throw nonsense(command, "what is no answer");
    return std::move(answer["return"]);
}

Json GuestAgent::ask(const std::string& command, const Json& arguments) {
    const auto left = std::chrono::ceil<std::chrono::seconds>(end_ - Clock::now());
    if (left <= 0s)
        throw Error(Code::agent_unresponsive, fmt::format("The guest agent of {} has not answered all within {} s",
                                                          name_, conversation_patience.count()));
    return answer_to(command, arguments, std::min<Patience>(left, answer_patience));
}

void GuestAgent::tell(const std::string& command, const Json& arguments) noexcept {
    try {
        answer_to(command, arguments, answer_patience);
    } catch (const std::exception&) {
        // Nobody can do more about it.
    }
}

const Json& GuestAgent::member(const Json& answer, const std::string& command, const char* key,
                               Json::value_t type) const {
    const auto found = answer.is_object() ? answer.find(key) : answer.end();
    if (found == answer.end() || found->type() != type)
        throw nonsense(command, fmt::format("an answer without a proper {}", key));
    return *found;
}

std::int64_t GuestAgent::number(const Json& value, const std::string& command) const {
    // It counts what is not negative as unsigned.
    const bool fits = value.is_number_integer() &&
                      (!value.is_number_unsigned() || value.get<std::uint64_t>() <= std::uint64_t{INT64_MAX});
    if (!fits) throw nonsense(command, "no proper number");
    return value.get<std::int64_t>();
}

void GuestAgent::require(std::initializer_list<std::string_view> commands) {
    const std::string info = "guest-info";
    const auto answer = ask(info);
    const auto& supported = member(answer, info, "supported_commands", Json::value_t::array);
    const auto is_enabled = [&](std::string_view wanted) {
        return std::any_of(supported.begin(), supported.end(), [&](const Json& each) {
            return member(each, info, "name", Json::value_t::string).get_ref<const std::string&>() == wanted &&
                   member(each, info, "enabled", Json::value_t::boolean).get<bool>();
        });
    };
    for (const auto command : commands)
        if (!is_enabled(command))
            throw Error(Code::not_supported,
                        fmt::format("The guest agent of {} does not take {}: allow it there, with allow-rpcs or "
                                    "block-rpcs in /etc/qemu/qemu-ga.conf, and restart qemu-guest-agent; or shut the "
                                    "machine down first",
                                    name_, command));
}

}  // namespace virtbus
