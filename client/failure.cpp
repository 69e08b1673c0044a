// SPDX-License-Identifier: LGPL-2.1-or-later
#include "failure.h"

#include <cstdlib>
#include <string_view>

namespace virtbusctl {

namespace {

/// "org.freedesktop.DBus.Error.X" → "X"; "" for the name of another family.
std::string_view bus_error(std::string_view name) {
    constexpr std::string_view prefix = "org.freedesktop.DBus.Error.";
    return name.substr(0, prefix.size()) == prefix ? name.substr(prefix.size()) : std::string_view{};
}

/// Whether the bus itself speaks, not the daemon: its texts are of no use to people.
bool is_policy_message(const std::string& message) {
    return message.find("matched rules") != std::string::npos || message.find("Sender is not authorized") == 0;
}

/// sdbus-c++ says "Failed to open bus (No such file or directory)": what is in the parentheses.
std::string cause(const sdbus::Error& error) {
    const auto& message = error.getMessage();
    const auto open = message.find('(');
    if (open == std::string::npos || message.back() != ')') return message;
    return message.substr(open + 1, message.size() - open - 2);
}

}  // namespace

std::string explain_no_bus(const sdbus::Error& error, BusKind kind) {
    if (kind == BusKind::session && std::getenv("DBUS_SESSION_BUS_ADDRESS") == nullptr)
        return "there is no session bus here (DBUS_SESSION_BUS_ADDRESS is not set)";
    const std::string bus = kind == BusKind::session ? "session" : "system";
    std::string text = "cannot connect to the " + bus + " bus: " + cause(error);
    if (kind == BusKind::system) text += "\nTo use the daemon of your own session, say --user.";
    return text;
}

bool means_no_daemon(const sdbus::Error& error) {
    const auto name = bus_error(error.getName());
    return name == "ServiceUnknown" || name == "NameHasNoOwner" || name.substr(0, 6) == "Spawn.";
}

std::string explain_no_daemon(BusKind kind) {
    if (kind == BusKind::session)
        return "virtbus does not run on the session bus\n"
               "Start it with \"virtbusd --user\", or say --system for the one of this computer.";
    return "virtbus does not run on the system bus\n"
           "Start it with \"systemctl start virtbus\", or say --user for the one of your session.";
}

std::string explain(const std::string& name, const std::string& message) {
    const auto error = bus_error(name);
    if (error == "AccessDenied" && (message.empty() || is_policy_message(message)))
        return "you are not allowed to do this";
    if (error == "NoReply" || error == "Timeout" || error == "TimedOut" || error == "Disconnected")
        return "virtbus did not answer; what was asked may still happen";
    // What an object has only when it is of that kind.
    if (error == "UnknownMethod" && message.find("interface org.virtbus1.Container") != std::string::npos)
        return "it is no container: only containers can do this";
    if (error == "UnknownMethod" && message.find("interface org.virtbus1.VirtualMachine") != std::string::npos)
        return "it is no virtual machine: only virtual machines can do this";
    if (error == "UnknownObject") return "it does not exist (any more)";
    if (error == "UnknownMethod" || error == "UnknownInterface" || error == "UnknownProperty")
        return "this virtbus daemon does not know how to: it is of another version";
    // sdbus-c++'s words for text that D-Bus can't carry.
    if (message.find("Failed to serialize a string") == 0) return "this is no valid UTF-8 text";
    return message.empty() ? name : message;
}

std::string explain(const sdbus::Error& error) { return explain(error.getName(), error.getMessage()); }

}  // namespace virtbusctl
