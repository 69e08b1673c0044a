// SPDX-License-Identifier: LGPL-2.1-or-later
// Many clients at once: whether those who only look wait for those whose calls take their time.
#include "rows.h"

#include <atomic>
#include <functional>
#include <mutex>

namespace virtbus::bench {

namespace {

constexpr int fast_clients = 56;
constexpr int slow_clients = 8;
constexpr auto pause = std::chrono::milliseconds(50);

/// How long each call of those took who looked, one call every `pause`, while the others did slow work over and over.
Samples wait_in_crowd(std::chrono::seconds duration, const std::function<void(Bus&)>& look,
                      const std::function<void(Bus&, int)>& slow_work) {
    std::atomic<bool> done = false;
    std::mutex mutex;
    Samples all;
    std::vector<std::thread> threads;
    for (int i = 0; i < slow_clients; ++i)
        threads.emplace_back([&, i] {
            Bus bus;
            while (!done) slow_work(bus, i);
        });
    for (int i = 0; i < fast_clients; ++i)
        threads.emplace_back([&, i] {
            Bus bus;
            Samples own;
            std::this_thread::sleep_for(pause / fast_clients * i);
            for (; !done; std::this_thread::sleep_for(pause)) own.push_back(times(1, [&] { look(bus); }).front());
            const std::lock_guard lock(mutex);
            all.insert(all.end(), own.begin(), own.end());
        });
    std::this_thread::sleep_for(duration);
    done = true;
    for (auto& thread : threads) thread.join();
    return all;
}

void start_and_power_off(Bus& bus, int number) {
    const auto machine = virtbus_machine(bus, machine_name(number));
    bus.call_plain(machine, "org.virtbus1.Machine", "Start");
    bus.call_plain(machine, "org.virtbus1.Machine", "PowerOff");
}

void create_and_destroy(Bus& bus, int number) {
    const auto machine = libvirt_dbus_machine(bus, machine_name(number));
    bus.call(machine, "org.libvirt.Domain", "Create", "u", 0U);
    bus.call(machine, "org.libvirt.Domain", "Destroy", "u", 0U);
}

}  // namespace

void crowd_rows(const Scene& scene) {
    const auto ours = virtbus_machine(scene.bus, machine_name(500));
    const auto theirs = libvirt_dbus_machine(scene.bus, machine_name(500));
    const std::chrono::seconds duration(scene.quick ? 5 : 20);
    const auto our_waits = wait_in_crowd(
        duration, [&](Bus& client) { client.get(ours, "org.virtbus1.Machine", "State"); }, start_and_power_off);
    const auto their_waits = wait_in_crowd(
        duration, [&](Bus& client) { client.get(theirs, "org.libvirt.Domain", "Active"); }, create_and_destroy);
    scene.report.add("a property, while 8 of 64 clients start machines, p50", median(our_waits), "libvirt-dbus",
                     median(their_waits), "ms", at_most(5));
    scene.report.add("the same, p99", quantile(our_waits, 0.99), "libvirt-dbus", quantile(their_waits, 0.99), "ms",
                     at_most(5));
}

}  // namespace virtbus::bench
