// SPDX-License-Identifier: LGPL-2.1-or-later
#include "played_agent.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <stdexcept>

namespace virtbus::test {

using Json = nlohmann::json;

namespace {

void send_all(int fd, const std::string& text) {
    for (std::size_t at = 0; at < text.size();) {
        const auto size = ::send(fd, text.data() + at, text.size() - at, MSG_NOSIGNAL);
        if (size <= 0) return;  // libvirt has heard enough
        at += static_cast<std::size_t>(size);
    }
}

}  // namespace

PlayedAgent::PlayedAgent(const std::string& path)
    : listening_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), sdbus::adopt_fd),
      ending_(::eventfd(0, EFD_CLOEXEC), sdbus::adopt_fd) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    if (::bind(listening_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::listen(listening_.get(), 8) != 0)
        throw std::runtime_error("cannot listen at " + path);
    thread_ = std::thread([this] { serve(); });
}

PlayedAgent::~PlayedAgent() {
    ::eventfd_write(ending_.get(), 1);
    thread_.join();
}

void PlayedAgent::play(Answer answer) {
    const std::lock_guard lock(mutex_);
    answer_ = std::move(answer);
    for (const auto& client : clients_) ::shutdown(client.fd.get(), SHUT_RDWR);
}

std::optional<std::string> PlayedAgent::sync(const std::string& command, const Json& arguments) {
    if (!command.starts_with("guest-sync")) return std::nullopt;
    return (command == "guest-sync-delimited" ? "\xff" : "") + Json{{"return", arguments.at("id")}}.dump();
}

void PlayedAgent::obey(const std::string& line, int fd) {
    const auto start = line.find('{');  // a delimiter may precede it
    const auto request = Json::parse(start == std::string::npos ? "" : line.substr(start), nullptr, false);
    if (!request.is_object() || !request.contains("execute")) return;
    Answer answer;
    {
        const std::lock_guard lock(mutex_);
        answer = answer_;
    }
    const auto text = answer ? answer(request["execute"], request.value("arguments", Json::object())) : std::nullopt;
    if (text) send_all(fd, *text + "\n");
}

bool PlayedAgent::hear(Client& client) {
    std::array<char, 4'096> buffer{};
    const auto size = ::read(client.fd.get(), buffer.data(), buffer.size());
    if (size <= 0) return false;
    client.heard.append(buffer.data(), static_cast<std::size_t>(size));
    for (auto end = client.heard.find('\n'); end != std::string::npos; end = client.heard.find('\n')) {
        obey(client.heard.substr(0, end), client.fd.get());
        client.heard.erase(0, end + 1);
    }
    return true;
}

void PlayedAgent::serve() {
    for (;;) {
        std::vector<pollfd> wanted{{ending_.get(), POLLIN, 0}, {listening_.get(), POLLIN, 0}};
        for (const auto& client : clients_) wanted.push_back({client.fd.get(), POLLIN, 0});
        if (::poll(wanted.data(), wanted.size(), -1) < 0) continue;
        if (wanted[0].revents != 0) return;
        for (auto i = wanted.size(); i-- > 2;)
            if (wanted[i].revents != 0 && !hear(clients_[i - 2])) {
                const std::lock_guard lock(mutex_);
                clients_.erase(clients_.begin() + static_cast<std::ptrdiff_t>(i - 2));
            }
        if (wanted[1].revents != 0) {
            const std::lock_guard lock(mutex_);
            clients_.push_back({{::accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC), sdbus::adopt_fd}, ""});
        }
    }
}

}  // namespace virtbus::test
