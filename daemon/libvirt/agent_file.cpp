// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libvirt/agent_file.h"

#include "libvirt/base64.h"

namespace virtbus {

AgentFile::AgentFile(GuestAgent& agent, const std::string& path, Mode mode) : agent_(agent) {
    const std::string command = "guest-file-open";
    handle_ = agent_.number(agent_.ask(command, {{"path", path}, {"mode", mode == Mode::read ? "r" : "r+"}}), command);
}

AgentFile::~AgentFile() { agent_.tell("guest-file-close", {{"handle", handle_}}); }

std::string AgentFile::read(std::size_t most) {
    const std::string command = "guest-file-read";
    std::string content;
    for (bool at_end = false; !at_end && content.size() < most;) {
        const auto answer = agent_.ask(command, {{"handle", handle_}, {"count", most - content.size()}});
        const auto& text = agent_.member(answer, command, "buf-b64", Json::value_t::string);
        const auto piece = from_base64(text.get_ref<const std::string&>());
        if (!piece || piece->size() > most - content.size()) throw agent_.nonsense(command, "no proper content");
        content += *piece;
        at_end = piece->empty() || agent_.member(answer, command, "eof", Json::value_t::boolean).get<bool>();
    }
    return content;
}

void AgentFile::write(std::string_view content) {
    const std::string command = "guest-file-write";
    const auto answer = agent_.ask(command, {{"handle", handle_}, {"buf-b64", to_base64(content)}});
    const auto found = answer.is_object() ? answer.find("count") : answer.end();
    if (found == answer.end() || agent_.number(*found, command) != static_cast<std::int64_t>(content.size()))
        throw agent_.nonsense(command, "another size than was written");
    agent_.ask("guest-file-flush", {{"handle", handle_}});
}

std::optional<std::string> read_agent_file(GuestAgent& agent, const std::string& path, std::size_t most) {
    try {
        return AgentFile(agent, path, AgentFile::Mode::read).read(most);
    } catch (const AgentRefusal& refusal) {
        // There is no other way to tell: the agent has words and no numbers, in the language of a system service.
        if (refusal.says("No such file or directory")) return std::nullopt;
        throw;
    }
}

}  // namespace virtbus
