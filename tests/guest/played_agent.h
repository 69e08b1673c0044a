// SPDX-License-Identifier: LGPL-2.1-or-later
// A guest agent played by the test itself: a socket that libvirt connects to in place of the guest's port, and a thread
// that answers each command as the test wants. libvirt begins each with "guest-sync", by which it knows whose answer it
// gets.
#pragma once

#include <sdbus-c++/sdbus-c++.h>
#include <nlohmann/json.hpp>

#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace virtbus::test {

class PlayedAgent {
public:
    /// The whole line that follows a command; nothing is no answer.
    using Answer =
        std::function<std::optional<std::string>(const std::string& command, const nlohmann::json& arguments)>;

    explicit PlayedAgent(const std::string& path);
    ~PlayedAgent();
    PlayedAgent(const PlayedAgent&) = delete;
    PlayedAgent& operator=(const PlayedAgent&) = delete;

    /// From now on answers like this, to others than those who are connected: they may still read the last answer.
    void play(Answer answer);
    /// The right answer to it; nothing for other commands.
    static std::optional<std::string> sync(const std::string& command, const nlohmann::json& arguments);

private:
    struct Client {
        sdbus::UnixFd fd;
        std::string heard;
    };

    void serve();
    bool hear(Client& client);
    void obey(const std::string& line, int fd);

    sdbus::UnixFd listening_;
    sdbus::UnixFd ending_;
    std::mutex mutex_;
    Answer answer_;
    std::vector<Client> clients_;  // QEMU is one: the guest's end of its port is nobody's
    std::thread thread_;
};

}  // namespace virtbus::test
