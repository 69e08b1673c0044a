// SPDX-License-Identifier: LGPL-2.1-or-later
// A client of the session bus with as little of its own as can be: sd-bus, as the figures are to be the services'.
#pragma once

#include <systemd/sd-bus.h>

#include <fmt/format.h>

#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace virtbus::bench {

struct Unref {
    void operator()(sd_bus* bus) const { sd_bus_flush_close_unref(bus); }
    void operator()(sd_bus_message* message) const { sd_bus_message_unref(message); }
    void operator()(sd_bus_slot* slot) const { sd_bus_slot_unref(slot); }
};
using Message = std::unique_ptr<sd_bus_message, Unref>;

void check(int result, const std::string& what);

/// What a service has replied instead.
class CallError : public std::runtime_error {
public:
    CallError(const std::string& what, std::string name) : std::runtime_error(what), name_(std::move(name)) {}
    /// Such as "org.virtbus1.Error.Busy".
    [[nodiscard]] const std::string& name() const { return name_; }

private:
    std::string name_;
};

/// An object of a service.
struct Object {
    std::string service;
    std::string path;
};

inline const Object virtbus_root{"org.virtbus1", "/org/virtbus1"};
inline const Object libvirt_dbus_root{"org.libvirt", "/org/libvirt/QEMU"};

class Bus {
public:
    Bus();

    template <typename... Arguments>
    Message call(const Object& object, const char* interface, const char* member, const char* types = "",
                 Arguments... arguments) {
        sd_bus_error error{};
        sd_bus_message* reply = nullptr;
        const int result = sd_bus_call_method(bus_.get(), object.service.c_str(), object.path.c_str(), interface,
                                              member, &error, &reply, types, arguments...);
        if (result >= 0) return Message(reply);
        const CallError failure(fmt::format("{}.{} of {}: {}", interface, member, object.path,
                                            error.message != nullptr ? error.message : std::strerror(-result)),
                                error.name != nullptr ? error.name : "");
        sd_bus_error_free(&error);
        throw failure;
    }
    /// Calls a method whose only argument is options, none.
    Message call_plain(const Object& object, const char* interface, const char* member) {
        return call(object, interface, member, "a{sv}", 0);
    }
    void ping(const Object& object) { call(object, "org.freedesktop.DBus.Peer", "Ping"); }
    Message get_all(const Object& object, const char* interface) {
        return call(object, "org.freedesktop.DBus.Properties", "GetAll", "s", interface);
    }
    Message get(const Object& object, const char* interface, const char* property) {
        return call(object, "org.freedesktop.DBus.Properties", "Get", "ss", interface, property);
    }

    /// `heard` is given the signals that the rule names, in process().
    using Heard = std::function<void(sd_bus_message*)>;
    void match(const std::string& rule, Heard heard);
    /// Takes what comes until `done` says so; throws after `seconds`.
    void process_until(const std::function<bool()>& done, double seconds = 60);
    bool wait_for_name(const std::string& name);

    sd_bus* get() { return bus_.get(); }

private:
    std::unique_ptr<sd_bus, Unref> bus_;
    std::vector<std::unique_ptr<Heard>> heard_;
    std::vector<std::unique_ptr<sd_bus_slot, Unref>> slots_;
};

/// The elements of an array of object paths, which is all that the message has.
std::vector<std::string> paths_in(sd_bus_message* message);

}  // namespace virtbus::bench
