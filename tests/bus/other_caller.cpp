// SPDX-License-Identifier: LGPL-2.1-or-later
// other-caller UID ADDRESS PATH INTERFACE METHOD [ARGUMENT]...: becomes UID, makes one call to org.virtbus1, and prints
// "ok" or the error's name. ARGUMENT: "{}" for empty options, "{key}" for one of that name, else a string. METHOD may
// end with "!": then the call lets polkit ask a person; or with "*N": N calls at once, and a line for each reply when
// it comes;
// "+N": the same, each from a connection of its own. ARGUMENT "@N": a string of N bytes; "%FILE": a descriptor that
// reads it. In place of INTERFACE, "own" asks the bus for the name METHOD, and "set" sets the log's property METHOD.
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sdbus-c++/sdbus-c++.h>
#include <sys/prctl.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include <cstdlib>
#include <iostream>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace {

using Options = std::map<std::string, sdbus::Variant>;

/// The bus lets a connection wait for 128 replies.
constexpr int calls_of_a_connection = 100;

/// sdbus-c++ cannot set the flags of a call.
struct MessageBelow : sdbus::Message {
    static sd_bus_message* of(const sdbus::Message& message) {
        return static_cast<sd_bus_message*>(message.*(&MessageBelow::msg_));
    }
};

void become(uid_t uid) {
    if (::setgroups(0, nullptr) != 0 || ::setresgid(uid, uid, uid) != 0 || ::setresuid(uid, uid, uid) != 0)
        std::abort();
    ::prctl(PR_SET_DUMPABLE, 1);  // the sanitizers look into their own process
}

sdbus::MethodCall make_call(sdbus::IProxy& proxy, const std::string& interface, const std::string& method,
                            const std::vector<std::string>& arguments) {
    auto message = proxy.createMethodCall(interface, method);
    for (const auto& argument : arguments) {
        if (argument == "{}")
            message << Options();
        else if (argument.size() > 2 && argument.front() == '{')
            message << Options{{argument.substr(1, argument.size() - 2), sdbus::Variant(true)}};
        else if (argument.front() == '@')
            message << std::string(std::stoul(argument.substr(1)), 'x');
        else if (argument.front() == '%')
            message << sdbus::UnixFd(::open(argument.c_str() + 1, O_RDONLY | O_CLOEXEC), sdbus::adopt_fd);
        else
            message << argument;
    }
    return message;
}

void call(sdbus::IConnection& connection, const std::string& path, const std::string& interface, std::string method,
          const std::vector<std::string>& arguments) {
    if (interface == "own") return connection.requestName(method);
    const auto proxy = sdbus::createProxy(connection, "org.virtbus1", path);
    if (interface == "set") {
        proxy->setProperty(method).onInterface("org.freedesktop.LogControl1").toValue(arguments.at(0));
        return;
    }
    const bool interactive = method.back() == '!';
    if (interactive) method.pop_back();
    auto message = make_call(*proxy, interface, method, arguments);
    sd_bus_message_set_allow_interactive_authorization(MessageBelow::of(message), interactive ? 1 : 0);
    proxy->callMethod(message);
}

/// All are sent before a reply is read.
void flood(const std::string& address, int count, int for_each_connection, const std::string& path,
           const std::string& interface, const std::string& method, const std::vector<std::string>& arguments) {
    std::vector<std::unique_ptr<sdbus::IConnection>> connections;
    std::vector<std::unique_ptr<sdbus::IProxy>> proxies;
    int replies = 0;
    for (int i = 0; i < count; ++i) {
        if (i % for_each_connection == 0) {
            connections.push_back(sdbus::createSessionBusConnectionWithAddress(address));
            proxies.push_back(sdbus::createProxy(*connections.back(), "org.virtbus1", path));
        }
        const auto message = make_call(*proxies.back(), interface, method, arguments);
        proxies.back()->callMethod(message, [&replies](sdbus::MethodReply&, const sdbus::Error* error) {
            ++replies;
            std::cout << (error != nullptr ? error->getName() : "ok") << std::endl;
        });
    }
    while (replies < count) {
        std::vector<pollfd> waits;
        for (const auto& connection : connections) {
            while (connection->processPendingRequest()) {
            }
            const auto data = connection->getEventLoopPollData();
            waits.push_back({data.fd, data.events, 0});
        }
        constexpr int moment_ms = 50;
        ::poll(waits.data(), waits.size(), moment_ms);
    }
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 6) return EXIT_FAILURE;
    become(static_cast<uid_t>(std::stoul(argv[1])));
    const std::string method = argv[5];
    const std::vector<std::string> arguments(argv + 6, argv + argc);
    const auto sign = method.find_first_of("*+");
    try {
        if (sign != std::string::npos) {
            flood(argv[2], std::stoi(method.substr(sign + 1)), method[sign] == '*' ? calls_of_a_connection : 1, argv[3],
                  argv[4], method.substr(0, sign), arguments);
            return EXIT_SUCCESS;
        }
        const auto connection = sdbus::createSessionBusConnectionWithAddress(argv[2]);
        call(*connection, argv[3], argv[4], method, arguments);
        std::cout << "ok";
    } catch (const sdbus::Error& error) {
        std::cout << error.getName();
    }
    return EXIT_SUCCESS;
}
