// SPDX-License-Identifier: LGPL-2.1-or-later
// monitor: what happens, one line an event, as it happens.
#include <fmt/format.h>

#include <cstdio>
#include <memory>

#include "event_text.h"
#include "program.h"
#include "text.h"
#include "units.h"
#include "verbs.h"

namespace virtbusctl {

namespace {

constexpr const char* everything = "type='signal',sender='org.virtbus1',path_namespace='/org/virtbus1'";

/// The arguments of a signal, by the names that the API gives them; empty for one that this client does not know.
Json arguments_of(sdbus::Message& message, const std::string& member) {
    if (member == "PropertiesChanged") {
        std::string interface;
        Dictionary changed;
        message >> interface >> changed;
        return {{"interface", interface}, {"changed", to_json(changed)}};
    }
    sdbus::ObjectPath path;
    if (member == "InterfacesAdded") {
        std::map<std::string, Dictionary> interfaces;
        message >> path >> interfaces;
        Json result = {{"object", std::string(path)}, {"interfaces", Json::object()}};
        for (const auto& [name, properties] : interfaces) result["interfaces"][name] = to_json(properties);
        return result;
    }
    if (member == "InterfacesRemoved") {
        std::vector<std::string> interfaces;
        message >> path >> interfaces;
        return {{"object", std::string(path)}, {"interfaces", interfaces}};
    }
    return {};
}

Json manager_arguments(sdbus::Message& message, const std::string& member) {
    sdbus::ObjectPath path;
    std::string first;
    std::string second;
    std::uint64_t sequence = 0;
    if (member == "Lifecycle") {
        message >> path >> first >> second >> sequence;
        return {{"machine", std::string(path)}, {"event", first}, {"detail", second}, {"sequence", sequence}};
    }
    if (member == "Resynced") {
        message >> path >> sequence;
        return {{"hypervisor", std::string(path)}, {"sequence", sequence}};
    }
    if (member == "JobAdded") {
        message >> path;
        return {{"job", std::string(path)}};
    }
    if (member == "JobEnded") {
        message >> path >> first;
        return {{"job", std::string(path)}, {"result", first}};
    }
    if (member == "DuplicateMachineId") {
        std::vector<sdbus::ObjectPath> objects;
        message >> first >> objects;
        return {{"fingerprint", first}, {"objects", std::vector<std::string>(objects.begin(), objects.end())}};
    }
    if (member == "DuplicateMachineIdResolved") {
        message >> first;
        return {{"fingerprint", first}};
    }
    return {};
}

Json machine_arguments(sdbus::Message& message, const std::string& member) {
    if (member != "Lifecycle") return {};
    std::string event;
    std::string detail;
    std::uint64_t sequence = 0;
    message >> event >> detail >> sequence;
    return {{"event", event}, {"detail", detail}, {"sequence", sequence}};
}

Json read_event(sdbus::Message& message) {
    const auto interface = message.getInterfaceName();
    const auto member = message.getMemberName();
    Json event = {{"time_usec", now_usec()}, {"path", message.getPath()}, {"signal", interface + "." + member}};
    Json arguments = interface == Manager::INTERFACE_NAME   ? manager_arguments(message, member)
                     : interface == Machine::INTERFACE_NAME ? machine_arguments(message, member)
                                                            : arguments_of(message, member);
    event.update(arguments.is_object() ? arguments : Json::object());
    return event;
}

class Monitor {
public:
    explicit Monitor(Program& program)
        : program_(program),
          events_(program.bus().subscribe(everything, [this](sdbus::Message& message) { print(read_event(message)); })),
          presence_(program.bus().subscribe_presence([this](bool present) { on_presence(present); })) {
        learn_names();
    }

    [[noreturn]] void run() {
        for (;;) {
            program_.bus().wait();
            if (std::ferror(stdout) != 0) throw Failure("cannot write the output");
            if (stale_) learn_names();
        }
    }

private:
    void learn_names() {
        stale_ = false;
        for (const auto& machine : program_.bus().list_machines())
            text_.know(machine.path, {{"Name", machine.name},
                                      {"State", machine.state},
                                      {"Vcpus", machine.vcpus},
                                      {"Memory", machine.memory}});
    }

    void on_presence(bool present) {
        stale_ = present;
        print({{"time_usec", now_usec()}, {"path", root_path}, {"signal", present ? "appeared" : "vanished"}});
    }

    void print(const Json& event) {
        const auto line = text_.line(event);
        if (program_.output().json)
            fmt::print("{}\n", json_line(event));
        else if (!line.empty())
            fmt::print("{}  {}\n", clock_text(number_at(event, "time_usec")), line);
        std::fflush(stdout);  // whoever reads a pipe wants it now
    }

    Program& program_;
    EventText text_;
    bool stale_ = false;
    Bus::Subscription events_;
    Bus::Subscription presence_;
};

}  // namespace

void add_monitor_verb(Program& program) {
    program.add_verb("Look", "monitor", "print what happens, until Ctrl-C", "watch", [&program]() -> bool {
        if (!program.hypervisor().empty())
            throw UsageError("what happens on all hypervisors is told: -H cannot choose");
        Monitor(program).run();
    });
}

}  // namespace virtbusctl
