// SPDX-License-Identifier: LGPL-2.1-or-later
// Measures virtbus and the alternatives on one libvirtd, inside a sandbox. scripts/bench runs it.
//
// Arguments: [--quick] [--json FILE] [GROUP...], such as "event"
#include "rows.h"

#include <array>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <iostream>
#include <set>
#include <string_view>

namespace virtbus::bench {

namespace {

struct Group {
    std::string_view name;
    void (*measure)(const Scene&);
};

constexpr std::array groups{
    Group{"idle", idle_rows},     Group{"inventory", inventory_rows}, Group{"property", property_rows},
    Group{"client", client_rows}, Group{"control", control_rows},     Group{"event", event_rows},
    Group{"crowd", crowd_rows},
};

struct Options {
    bool quick = false;
    std::string json;
    std::set<std::string_view> only;  ///< empty: all

    [[nodiscard]] bool has(std::string_view group) const { return only.empty() || only.contains(group); }
};

void run(Report& report, const Options& options) {
    run_libvirt_events();
    const Libvirtd libvirtd(1'000);
    Bus bus;
    Scene scene{report, options.quick, libvirtd, bus, nullptr};
    if (options.has("start")) start_rows(scene);
    {
        const Virtbusd virtbusd(Libvirtd::uri("qemu", "/session"), 1'000);
        const LibvirtDbus libvirt_dbus(bus);
        scene.virtbusd = &virtbusd;
        for (const auto& group : groups)
            if (options.has(group.name)) group.measure(scene);
    }
    if (options.has("many")) many_rows(scene);
}

Options read_options(int argc, char** argv) {
    Options options;
    for (int i = 1; i < argc; ++i) {
        const std::string_view word = argv[i];
        if (word == "--quick")
            options.quick = true;
        else if (word == "--json" && i + 1 < argc)
            options.json = argv[++i];
        else
            options.only.insert(word);
    }
    return options;
}

}  // namespace

}  // namespace virtbus::bench

int main(int argc, char** argv) {
    try {
        const auto options = virtbus::bench::read_options(argc, argv);
        virtbus::bench::Report report;
        virtbus::bench::run(report, options);
        report.summarise();
        if (!options.json.empty()) report.write_json(options.json);
        return 0;
    } catch (const std::exception& error) {
        std::cerr << std::ifstream(std::getenv("VIRTBUS_LOG")).rdbuf() << "bench: " << error.what() << '\n';
        return 1;
    }
}
