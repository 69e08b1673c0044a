// SPDX-License-Identifier: LGPL-2.1-or-later
#include "virtbusd.h"

#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <thread>

namespace virtbus::test {

namespace {

using namespace std::chrono_literals;

const char* program() {
    const char* path = std::getenv("VIRTBUSD");
    if (path == nullptr) throw std::runtime_error("VIRTBUSD does not name the program");
    return path;
}

/// Starts virtbusd on `bus`, with more of the environment.
pid_t start(const PrivateBus& bus, const std::vector<std::string>& arguments,
            const std::map<std::string, std::string>& environment = {}) {
    std::vector<std::string> words{program(), "--user"};
    words.insert(words.end(), arguments.begin(), arguments.end());
    std::vector<char*> argv;
    for (auto& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    const pid_t pid = ::fork();
    if (pid == 0) {
        ::setenv("DBUS_SESSION_BUS_ADDRESS", bus.address().c_str(), 1);
        for (const auto& [name, value] : environment) ::setenv(name.c_str(), value.c_str(), 1);
        ::execv(argv[0], argv.data());
        ::_exit(127);
    }
    return pid;
}

int wait_for(pid_t pid) {
    int status = 0;
    for (int i = 0; i < 3'000; ++i, std::this_thread::sleep_for(10ms)) {
        if (::waitpid(pid, &status, WNOHANG) != pid) continue;
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }
    ::kill(pid, SIGKILL);
    ::waitpid(pid, &status, 0);
    throw std::runtime_error("virtbusd did not end within 30 s");
}

}  // namespace

Virtbusd::Virtbusd(const PrivateBus& bus, const std::map<std::string, std::string>& hypervisors, int keepalive_interval)
    : bus_(bus) {
    std::string name = "/tmp/virtbusd-test.XXXXXX";
    directory_ = ::mkdtemp(name.data());
    std::vector<std::string> entries;
    for (const auto& [key, uri] : hypervisors) entries.push_back(fmt::format("\"{}\": \"{}\"", key, uri));
    std::ofstream(directory_ / "virtbus.json")
        << fmt::format("{{\"hypervisors\": {{{}}}, \"keepalive\": {{\"interval\": {}, \"count\": 3}}}}",
                       fmt::join(entries, ", "), keepalive_interval);

    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const auto socket = (directory_ / "notify").string();
    std::strncpy(address.sun_path, socket.c_str(), sizeof address.sun_path - 1);
    notify_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (::bind(notify_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        throw std::runtime_error("cannot make the notify socket");

    listener_ = std::jthread([this](std::stop_token stop) { listen(stop); });
    launch();
}

void Virtbusd::launch() {
    const auto before = told("READY=1");
    pid_ = start(bus_, {"--config", (directory_ / "virtbus.json").string()},
                 {{"NOTIFY_SOCKET", (directory_ / "notify").string()},
                  {"WATCHDOG_USEC", "1000000"},
                  {"STATE_DIRECTORY", (directory_ / "state").string()}});
    for (int i = 0; told("READY=1") == before; ++i, std::this_thread::sleep_for(10ms))
        if (i == 3'000) throw std::runtime_error("virtbusd did not get ready within 30 s");
}

void Virtbusd::restart() {
    terminate();
    launch();
}

Virtbusd::~Virtbusd() {
    if (pid_ > 0) {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }
    listener_ = {};
    ::close(notify_);
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
}

int Virtbusd::told(const std::string& line) const {
    const std::lock_guard lock(mutex_);
    const auto found = told_.find(line);
    return found == told_.end() ? 0 : found->second;
}

void Virtbusd::listen(std::stop_token stop) {
    std::array<char, 4'096> buffer{};
    while (!stop.stop_requested()) {
        pollfd poll_fd{notify_, POLLIN, 0};
        if (::poll(&poll_fd, 1, 50) <= 0) continue;
        const auto length = ::recv(notify_, buffer.data(), buffer.size(), 0);
        if (length <= 0) continue;
        std::istringstream lines(std::string(buffer.data(), static_cast<std::size_t>(length)));
        const std::lock_guard lock(mutex_);
        for (std::string line; std::getline(lines, line);) ++told_[line];
    }
}

int Virtbusd::terminate() {
    ::kill(pid_, SIGTERM);
    return wait_for(std::exchange(pid_, -1));
}

int Virtbusd::run(const PrivateBus& bus, const std::vector<std::string>& arguments) {
    return wait_for(start(bus, arguments));
}

bool wait_until_connected(Client& client, const std::string& hypervisor) {
    const auto path = "/org/virtbus1/hypervisor/" + hypervisor;
    const auto proxy = client.hypervisor(path);
    return client.wait_until([&] { return proxy->Connected(); }) && client.wait_until([&] {
        return !client.manager()->ListMachines({{"hypervisor", hypervisor}}).empty();
    });
}

}  // namespace virtbus::test
