// SPDX-License-Identifier: LGPL-2.1-or-later
// How long it takes to know all that there is.
#include "plain_reply.h"
#include "rows.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <fstream>

namespace virtbus::bench {

namespace {

constexpr const char* object_manager = "org.freedesktop.DBus.ObjectManager";

Message get_plain(Bus& bus, const PlainReply& plain) { return bus.call(plain.object(), "org.virtbus1.Bench", "Get"); }

Message get_managed_objects(Bus& bus) { return bus.call(virtbus_root, object_manager, "GetManagedObjects"); }

Message list_machines(Bus& bus) { return bus.call_plain(virtbus_root, "org.virtbus1.Manager", "ListMachines"); }

/// As its clients do: the paths, then each object's properties.
void read_all_of_libvirt_dbus(Bus& bus) {
    const auto list = bus.call(libvirt_dbus_root, "org.libvirt.Connect", "ListDomains", "u", 0U);
    for (const auto& path : paths_in(list.get())) bus.get_all({libvirt_dbus_root.service, path}, "org.libvirt.Domain");
}

/// As programs in Python do it: each time's milliseconds.
Samples read_all_in_python(int count, std::size_t machines) {
    const auto file = std::string(std::getenv("TMPDIR")) + "/python_inventory.json";
    Process({"/usr/bin/python3", PYTHON_INVENTORY, Libvirtd::uri("qemu", "/session"), std::to_string(count), file})
        .wait();
    std::ifstream text(file);
    const auto result = nlohmann::json::parse(text);
    if (result.at("machines") != machines) throw std::runtime_error("the program in Python has not seen all machines");
    return result.at("times").get<Samples>();
}

/// The longest of pings to the service that go on beside `work`.
template <typename Work>
double longest_ping(const Object& object, Work work) {
    std::atomic<bool> done = false;
    double longest = 0;
    std::thread pinging([&] {
        Bus bus;
        while (!done) {
            longest = std::max(longest, times(1, [&] { bus.ping(object); }).front());
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
    });
    work();
    done = true;
    pinging.join();
    return longest;
}

void define_machines(virConnectPtr connection, int from, int to) {
    for (int i = from; i < to; ++i)
        if (!Domain(virDomainDefineXML(connection, machine_xml("test", i).c_str())))
            throw std::runtime_error("a machine cannot be defined");
}

}  // namespace

void inventory_rows(const Scene& scene) {
    Bus& bus = scene.bus;
    const int count = scene.quick ? 5 : 21;
    const auto reply = get_managed_objects(bus);
    const PlainReply plain(reply.get());
    Samples ours;
    Samples bare;
    for (int i = 0; i < count; ++i) {  // by turns, as they are to have the same of the machine
        ours.push_back(times(1, [&] { get_managed_objects(bus); }).front());
        bare.push_back(times(1, [&] { get_plain(bus, plain); }).front());
    }
    const auto theirs = times(scene.quick ? 1 : 3, [&] { read_all_of_libvirt_dbus(bus); });
    scene.report.add("the whole inventory, 1,000 machines", median(ours), "libvirt-dbus, 9 properties", median(theirs),
                     "ms", ratio_at_most(0.01));
    scene.report.add("the same", median(ours), "a bare sd-bus reply", median(bare), "ms", ratio_at_most(1.5));
    const auto in_python = read_all_in_python(scene.quick ? 3 : 11, 1'000);
    scene.report.add("the same", median(ours), "python3-libvirt", median(in_python), "ms", ratio_at_most(0.1));
}

void many_rows(const Scene& scene) {
    const auto connection = scene.libvirtd.connect("test", "/default");
    constexpr int few = 1'000;
    constexpr int many = 10'000;
    const int count = scene.quick ? 3 : 11;
    const auto uri = Libvirtd::uri("test", "/default");
    double small = 0;
    double empty = 0;
    Bus& bus = scene.bus;
    {
        const Virtbusd virtbusd(uri, 0);
        empty = private_memory(virtbusd.pid());
    }
    define_machines(connection.get(), 0, few);
    {
        const Virtbusd virtbusd(uri, few);
        small = median(times(5 * count, [&] { get_managed_objects(bus); }));
    }
    define_machines(connection.get(), few, many);
    const Virtbusd virtbusd(uri, many);
    const double memory = (private_memory(virtbusd.pid()) - empty) / many;
    Samples large;
    const double ping = longest_ping(virtbus_root, [&] { large = times(count, [&] { get_managed_objects(bus); }); });
    const auto objects = get_managed_objects(bus);
    const auto bytes = static_cast<double>(size_of(objects.get()));
    const PlainReply plain(objects.get());
    const double plain_ping = longest_ping(plain.object(), [&] { times(count, [&] { get_plain(bus, plain); }); });
    const auto rows = times(count, [&] { list_machines(bus); });
    const PlainReply plain_rows(list_machines(bus).get());
    const auto plain_times = times(count, [&] { get_plain(bus, plain_rows); });
    scene.report.add("the whole inventory, 10,000 machines", median(large), "the same of 1,000", small, "ms",
                     ratio_at_most(11));
    scene.report.add("its message", bytes / 1'048'576, "MiB", at_most(30));
    scene.report.add("the longest Ping meanwhile", ping, "a bare sd-bus reply", plain_ping, "ms", at_most(50));
    scene.report.add("ListMachines, 10,000 machines", median(rows), "a bare sd-bus reply", median(plain_times), "ms",
                     at_most(15));
    scene.report.add("memory of virtbusd for each of 10,000 machines", memory, "KiB", at_most(40));
}

}  // namespace virtbus::bench
