// SPDX-License-Identifier: LGPL-2.1-or-later
#include "support/client.h"

#include <poll.h>

#include <algorithm>

namespace virtbus::test {

namespace {

constexpr int moment_ms = 20;

constexpr const char* bus_name = "org.virtbus1";
constexpr const char* root_path = "/org/virtbus1";

const std::string ours = "org.virtbus1.";

/// Several of virtbus's signals, by member.
void read(sdbus::Message& message, Signal& signal) {
    if (signal.name == "PropertiesChanged") {
        message >> signal.subject >> signal.changed;
    } else if (signal.name == "InterfacesAdded") {
        sdbus::ObjectPath path;
        std::map<std::string, VariantMap> interfaces;
        message >> path >> interfaces;
        signal.subject = path;
        for (const auto& [interface, properties] : interfaces) {
            signal.words.push_back(interface);
            if (signal.properties.empty() && interface.compare(0, ours.size(), ours) == 0)
                signal.properties = properties;
        }
    } else if (signal.name == "InterfacesRemoved") {
        sdbus::ObjectPath path;
        message >> path >> signal.words;
        signal.subject = path;
    } else if (signal.name == "Lifecycle") {
        sdbus::ObjectPath machine = signal.path;
        if (signal.path == root_path) message >> machine;
        std::string event;
        std::string detail;
        message >> event >> detail >> signal.sequence;
        signal.subject = machine;
        signal.words = {event, detail};
    } else if (signal.name == "JobAdded" || signal.name == "JobEnded" || signal.name == "Resynced") {
        sdbus::ObjectPath path;
        message >> path;
        signal.subject = path;
        if (signal.name == "JobEnded") message >> signal.words.emplace_back();
        if (signal.name == "Resynced") message >> signal.sequence;
    } else if (signal.name == "DuplicateMachineId" || signal.name == "DuplicateMachineIdResolved") {
        message >> signal.subject;
        std::vector<sdbus::ObjectPath> objects;
        if (signal.name == "DuplicateMachineId") message >> objects;
        signal.words.assign(objects.begin(), objects.end());
    }
}

}  // namespace

std::vector<std::string> Signal::changed_names() const {
    std::vector<std::string> names;
    for (const auto& [property, value] : changed) names.push_back(property);
    return names;
}

std::ostream& operator<<(std::ostream& stream, const Signal& signal) {
    stream << signal.name << " at " << signal.path << " of " << signal.subject;
    for (const auto& word : signal.words) stream << ' ' << word;
    for (const auto& [name, value] : signal.changed) stream << ' ' << name;
    return stream;
}

Client::Client(const std::string& address) : connection_(sdbus::createSessionBusConnectionWithAddress(address)) {
    const auto take_it = [this](sdbus::Message& message) { take(message); };
    connection_->addMatch("type='signal',sender='org.virtbus1',path_namespace='/org/virtbus1'", take_it,
                          sdbus::floating_slot);
}

void Client::take(sdbus::Message& message) {
    Signal signal;
    signal.path = message.getPath();
    signal.name = message.getMemberName();
    read(message, signal);
    signals.push_back(std::move(signal));
}

void Client::turn() {
    bool came = false;
    while (connection_->processPendingRequest()) came = true;
    if (came) return;
    const auto wanted = connection_->getEventLoopPollData();
    pollfd wait{wanted.fd, wanted.events, 0};
    ::poll(&wait, 1, moment_ms);
}

void Client::flush() {
    manager()->Version();
    while (connection_->processPendingRequest()) {
    }
}

const Signal* Client::find(const std::string& name, const std::string& subject) const {
    const auto found = std::find_if(signals.begin(), signals.end(), [&](const Signal& signal) {
        return signal.name == name && (signal.subject == subject || signal.path == subject);
    });
    return found == signals.end() ? nullptr : &*found;
}

std::size_t Client::count(const std::string& name) const {
    return static_cast<std::size_t>(
        std::count_if(signals.begin(), signals.end(), [&](const Signal& signal) { return signal.name == name; }));
}

sdbus::IProxy& Client::proxy(const std::string& path) {
    auto& proxy = proxies_[path];
    if (!proxy) proxy = sdbus::createProxy(*connection_, bus_name, path);
    return *proxy;
}

std::unique_ptr<proxies::Manager> Client::manager() {
    return std::make_unique<proxies::Manager>(*connection_, bus_name, root_path);
}
std::unique_ptr<proxies::Machine> Client::machine(const std::string& path) {
    return std::make_unique<proxies::Machine>(*connection_, bus_name, path);
}
std::unique_ptr<proxies::Hypervisor> Client::hypervisor(const std::string& path) {
    return std::make_unique<proxies::Hypervisor>(*connection_, bus_name, path);
}
std::unique_ptr<proxies::Job> Client::job(const std::string& path) {
    return std::make_unique<proxies::Job>(*connection_, bus_name, path);
}
std::unique_ptr<proxies::MachineId> Client::machine_id(const std::string& path) {
    return std::make_unique<proxies::MachineId>(*connection_, bus_name, path);
}
std::unique_ptr<proxies::HostMachineId> Client::host_machine_id() {
    return std::make_unique<proxies::HostMachineId>(*connection_, bus_name, "/org/virtbus1/machine_id");
}
std::unique_ptr<proxies::LogControl> Client::log_control() {
    return std::make_unique<proxies::LogControl>(*connection_, bus_name, "/org/freedesktop/LogControl1");
}

}  // namespace virtbus::test
