// SPDX-License-Identifier: LGPL-2.1-or-later
// other-caller UID ADDRESS PATH INTERFACE METHOD [ARGUMENT]...: becomes UID, makes one call to org.virtbus1, and prints
// "ok" or the error's name. ARGUMENT: "{}" for empty options, "{key}" for one of that name, else a string. In place of
// INTERFACE, "own" asks the bus for the name METHOD, and "set" sets the log's property METHOD.
#include <grp.h>
#include <sdbus-c++/sdbus-c++.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cstdlib>
#include <iostream>
#include <map>
#include <string>
#include <vector>

namespace {

using Options = std::map<std::string, sdbus::Variant>;

void become(uid_t uid) {
    if (::setgroups(0, nullptr) != 0 || ::setresgid(uid, uid, uid) != 0 || ::setresuid(uid, uid, uid) != 0) std::abort();
    ::prctl(PR_SET_DUMPABLE, 1);  // the sanitizers look into their own process
}

void call(sdbus::IConnection& connection, const std::string& path, const std::string& interface,
          const std::string& method, const std::vector<std::string>& arguments) {
    if (interface == "own") return connection.requestName(method);
    const auto proxy = sdbus::createProxy(connection, "org.virtbus1", path);
    if (interface == "set") {
        proxy->setProperty(method).onInterface("org.freedesktop.LogControl1").toValue(arguments.at(0));
        return;
    }
    auto message = proxy->createMethodCall(interface, method);
    for (const auto& argument : arguments) {
        if (argument == "{}")
            message << Options();
        else if (argument.size() > 2 && argument.front() == '{')
            message << Options{{argument.substr(1, argument.size() - 2), sdbus::Variant(true)}};
        else
            message << argument;
    }
    proxy->callMethod(message);
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 6) return EXIT_FAILURE;
    become(static_cast<uid_t>(std::stoul(argv[1])));
    try {
        const auto connection = sdbus::createSessionBusConnectionWithAddress(argv[2]);
        call(*connection, argv[3], argv[4], argv[5], {argv + 6, argv + argc});
        std::cout << "ok";
    } catch (const sdbus::Error& error) {
        std::cout << error.getName();
    }
    return EXIT_SUCCESS;
}
