// SPDX-License-Identifier: LGPL-2.1-or-later
#include "guest_test.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

namespace virtbus::test {

namespace {

std::string environment(const char* name) {
    const char* value = std::getenv(name);
    if (value == nullptr) throw std::runtime_error(fmt::format("{} is not set: run this inside scripts/sandbox", name));
    return value;
}

}  // namespace

GuestTest::GuestTest()
    : actor(environment("DBUS_SESSION_BUS_ADDRESS")), observer(environment("DBUS_SESSION_BUS_ADDRESS")) {
    // The daemon connects beside its start, and libvirt's session daemon takes its time with the first client.
    const auto hypervisor = actor.hypervisor(hypervisor_path);
    if (!actor.wait_until([&] { return hypervisor->Connected(); }))
        throw std::runtime_error("the hypervisor is not connected: " + hypervisor->ConnectionError());
}

void GuestTest::TearDown() {
    for (const auto& path : created_) {
        try {
            machine(path)->Delete({{"force", true}});
        } catch (const sdbus::Error&) {
            // The test has deleted it itself.
        }
    }
}

VariantMap GuestTest::guest_spec() {
    static int number = 0;
    const auto directory = environment("VIRTBUS_GUEST_DIR");
    return {
        {"name", fmt::format("guest-{}-{}", ::getpid(), ++number)},
        {"memory", std::uint64_t{128} << 20},
        {"kernel", directory + "/vmlinuz"},
        {"initrd", directory + "/initrd.img"},
        {"cmdline", "console=ttyS0 quiet loglevel=3"},
        {"interfaces", std::vector<VariantMap>{}},
    };
}

std::string GuestTest::create(const VariantMap& spec) {
    created_.push_back(actor.hypervisor(hypervisor_path)->CreateMachine(spec));
    return created_.back();
}

std::string GuestTest::create_ready(const VariantMap& spec) {
    const auto path = create(spec);
    machine(path)->Start({{"paused", true}});
    Console console(machine(path)->OpenConsole({}));
    machine(path)->Resume({});
    EXPECT_TRUE(console.wait_for("virtbus guest ready"));
    return path;
}

bool GuestTest::happened(const std::string& path, const std::string& event, const std::string& detail) {
    return told("/org/virtbus1", path, event, detail) && told(path, path, event, detail);
}

bool GuestTest::told(const std::string& by, const std::string& path, const std::string& event,
                     const std::string& detail) {
    const std::vector<std::string> words{event, detail};
    return observer.wait_until([&] {
        return std::any_of(observer.signals.begin(), observer.signals.end(), [&](const Signal& signal) {
            return signal.name == "Lifecycle" && signal.path == by && signal.subject == path && signal.words == words;
        });
    });
}

std::vector<std::string> GuestTest::events(const std::string& path) {
    observer.flush();
    std::vector<std::string> events;
    for (const auto& signal : observer.signals)
        if (signal.name == "Lifecycle" && signal.path == "/org/virtbus1" && signal.subject == path)
            events.push_back(signal.words[0] + " " + signal.words[1]);
    return events;
}

std::string GuestTest::finish(const std::string& job) {
    const auto proxy = actor.job(job);
    actor.wait_until([&] { return proxy->State() != "running"; });
    return proxy->State();
}

std::string GuestTest::outcome(const std::string& job) { return actor.job(job)->Result().at("outcome").get<std::string>(); }

}  // namespace virtbus::test
