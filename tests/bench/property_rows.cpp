// SPDX-License-Identifier: LGPL-2.1-or-later
// How long it takes to look at one machine.
#include "rows.h"

namespace virtbus::bench {

void property_rows(const Scene& scene) {
    Bus& bus = scene.bus;
    const int count = scene.quick ? 300 : 2'000;
    const auto ours = virtbus_machine(bus, machine_name(500));
    const auto theirs = libvirt_dbus_machine(bus, machine_name(500));
    constexpr const char* interface = "org.virtbus1.Machine";
    const double ping = median(times(count, [&] { bus.ping(ours); }));
    const double get = median(times(count, [&] { bus.get(ours, interface, "State"); }));
    const double all = median(times(count, [&] { bus.get_all(ours, interface); }));
    const double their_get = median(times(count, [&] { bus.get(theirs, "org.libvirt.Domain", "Active"); }));
    const double their_all = median(times(count, [&] { bus.get_all(theirs, "org.libvirt.Domain"); }));
    scene.report.add("one property", get, "libvirt-dbus", their_get, "ms", ratio_at_most(1.0 / 15));
    scene.report.add("the same", get, "Ping", ping, "ms", ratio_at_most(1.3));
    scene.report.add("all properties of a machine, 27", all, "libvirt-dbus, 9", their_all, "ms",
                     ratio_at_most(1.0 / 15));
    scene.report.add("the same", all, "Ping", ping, "ms", ratio_at_most(1.3));
}

}  // namespace virtbus::bench
