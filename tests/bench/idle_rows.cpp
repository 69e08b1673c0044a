// SPDX-License-Identifier: LGPL-2.1-or-later
// What virtbusd does when nothing happens.
#include "rows.h"

namespace virtbus::bench {

void idle_rows(const Scene& scene) {
    Bus subscriber;
    subscriber.match("type='signal',path_namespace='/org/virtbus1'", [](sd_bus_message*) {});
    std::this_thread::sleep_for(std::chrono::seconds(12));  // what its start has left to do is done
    const int seconds = scene.quick ? 10 : 60;
    // Keepalive is answered by libvirtd's main thread, all that is called by its workers.
    const auto libvirtd = scene.libvirtd.pid();
    const auto calls_begun = [&] { return wake_ups(libvirtd, "rpc-") + wake_ups(libvirtd, "prio-rpc-"); };
    const auto calls_before = calls_begun();
    const auto wake_ups_before = wake_ups(scene.virtbusd->pid());
    std::this_thread::sleep_for(std::chrono::seconds(seconds));
    const auto calls = static_cast<double>(calls_begun() - calls_before);
    const auto own = static_cast<double>(wake_ups(scene.virtbusd->pid()) - wake_ups_before);
    const auto unit = fmt::format("in {} s", seconds);
    scene.report.add("calls of libvirt when nothing happens", calls, unit, at_most(0));
    scene.report.add("wake-ups of virtbusd's threads meanwhile", own, unit, at_most(0));
}

}  // namespace virtbus::bench
