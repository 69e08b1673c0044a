// SPDX-License-Identifier: LGPL-2.1-or-later
// A guest agent as plain values: files in memory, and whatever answers a test wants it to give instead of right ones.
#pragma once

#include "libvirt/base64.h"
#include "libvirt/guest_agent.h"

#include <fmt/format.h>

#include <map>
#include <set>
#include <string>
#include <vector>

namespace virtbus::test {

class ScriptedAgent {
public:
    std::map<std::string, std::string> files;
    std::map<std::string, std::string> links;     ///< what a path leads to
    std::map<std::string, std::string> refusals;  ///< "guest-file-open r+ /path": the words
    std::map<std::string, std::string> answers;   ///< by command: the whole answer, whatever is asked
    std::set<std::string> disabled;
    std::set<std::string> unknown;
    std::size_t piece = 4'096;  ///< the most that a read gives

    [[nodiscard]] std::size_t open_files() const { return handles_.size(); }
    [[nodiscard]] const std::vector<std::string>& commands() const { return commands_; }
    [[nodiscard]] std::size_t most_read() const { return most_read_; }

    GuestAgent::Send sender() {
        return [this](const std::string& name, const std::string& json, GuestAgent::Patience) {
            const auto request = Json::parse(json);
            commands_.push_back(name);
            // Tests look at what is left open: that works always.
            if (answers.contains(name) && name != "guest-file-close") return answers.at(name);
            return Json{{"return", obey(name, request.at("arguments"))}}.dump();
        };
    }

private:
    struct Handle {
        std::string path;
        std::size_t at = 0;
    };

    static void refuse(const std::string& command, const std::string& words) {
        throw AgentRefusal(Code::unsupported_guest, fmt::format("The agent of web: '{}': {}", command, words));
    }

    Json obey(const std::string& name, const Json& arguments) {
        if (name == "guest-info") return info();
        if (name == "guest-file-open") return open(arguments.at("path"), arguments.at("mode"));
        const auto number = arguments.at("handle").get<int>();
        if (!handles_.contains(number)) refuse(name, "handle not found");
        auto& handle = handles_.at(number);
        if (name == "guest-file-read") return read(handle, arguments.at("count"));
        if (name == "guest-file-write") return write(handle, *from_base64(arguments.at("buf-b64").get<std::string>()));
        if (name == "guest-file-close") handles_.erase(number);
        return Json::object();
    }
    Json info() const {
        auto commands = Json::array();
        for (const auto* name : {"guest-info", "guest-file-open", "guest-file-read", "guest-file-write",
                                 "guest-file-flush", "guest-file-close"})
            if (!unknown.contains(name)) commands.push_back({{"name", name}, {"enabled", !disabled.contains(name)}});
        return {{"version", "7.2.0"}, {"supported_commands", commands}};
    }
    Json open(std::string path, const std::string& mode) {
        if (links.contains(path)) path = links.at(path);
        if (const auto words = refusals.find(mode + " " + path); words != refusals.end())
            refuse("guest-file-open", words->second);
        if (!files.contains(path)) refuse("guest-file-open", "failed to open file: No such file or directory");
        handles_[++last_handle_] = {path, 0};
        return last_handle_;
    }
    Json read(Handle& handle, std::size_t count) {
        const auto& content = files.at(handle.path);
        const auto bytes = content.substr(handle.at, std::min(count, piece));
        handle.at += bytes.size();
        most_read_ = std::max(most_read_, handle.at);
        return {{"count", bytes.size()}, {"buf-b64", to_base64(bytes)}, {"eof", handle.at == content.size()}};
    }
    Json write(Handle& handle, const std::string& bytes) {
        files.at(handle.path).replace(handle.at, bytes.size(), bytes);
        handle.at += bytes.size();
        return {{"count", bytes.size()}, {"eof", false}};
    }

    std::map<int, Handle> handles_;
    int last_handle_ = 1000;
    std::vector<std::string> commands_;
    std::size_t most_read_ = 0;
};

}  // namespace virtbus::test
