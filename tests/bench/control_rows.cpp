// SPDX-License-Identifier: LGPL-2.1-or-later
// How much longer a machine takes to start by virtbus.
#include "rows.h"

#include <set>

namespace virtbus::bench {

namespace {

/// From the call to its reply, and the signal that says that it runs.
class Starting {
public:
    explicit Starting(Bus& bus) : bus_(bus), machine_(virtbus_machine(bus, machine_name(0))) {
        bus.match("type='signal',interface='org.virtbus1.Manager',member='Lifecycle'", [this](sd_bus_message* message) {
            const char* path = nullptr;
            const char* event = nullptr;
            if (sd_bus_message_read(message, "os", &path, &event) > 0 && path == machine_.path) events_.insert(event);
        });
    }
    void start() {
        bus_.call_plain(machine_, "org.virtbus1.Machine", "Start");
        await("started");
    }
    void power_off() {
        bus_.call_plain(machine_, "org.virtbus1.Machine", "PowerOff");
        await("stopped");
        events_.clear();
    }

private:
    void await(const std::string& event) {
        bus_.process_until([&] { return events_.contains(event); });
    }

    Bus& bus_;
    Object machine_;
    std::set<std::string> events_;
};

}  // namespace

void control_rows(const Scene& scene) {
    Bus bus;
    Starting virtbus(bus);
    const auto connection = scene.libvirtd.connect();
    const auto domain = direct_machine(connection.get(), machine_name(0));
    Samples ours;
    Samples direct;
    for (int i = 0; i < (scene.quick ? 5 : 21); ++i) {
        ours.push_back(times(1, [&] { virtbus.start(); }).front());
        virtbus.power_off();
        direct.push_back(times(1, [&] { virDomainCreate(domain.get()); }).front());
        virtbus.power_off();
    }
    scene.report.add("Start until its reply and signal are there", median(ours), "virDomainCreate", median(direct),
                     "ms", ratio_at_most(1.15));
}

}  // namespace virtbus::bench
