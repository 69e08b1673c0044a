// SPDX-License-Identifier: LGPL-2.1-or-later
#include "guest_test.h"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>

namespace virtbus::test {

namespace {

constexpr std::chrono::seconds console_patience{60};

std::string environment(const char* name) {
    const char* value = std::getenv(name);
    if (value == nullptr) throw std::runtime_error(fmt::format("{} is not set: run this inside scripts/sandbox", name));
    return value;
}

}  // namespace

Console::Console(const sdbus::UnixFd& fd) : fd_(fd) {}

void Console::write(const std::string& text) {
    ASSERT_EQ(::write(fd_.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
}

bool Console::wait_for(const std::string& text) {
    const auto end = std::chrono::steady_clock::now() + console_patience;
    const auto start = output_.size();
    while (output_.find(text, start > text.size() ? start - text.size() : 0) == std::string::npos) {
        if (std::chrono::steady_clock::now() >= end) return false;
        pollfd poll_fd{fd_.get(), POLLIN, 0};
        if (::poll(&poll_fd, 1, 1'000) <= 0) continue;
        std::array<char, 4'096> buffer{};
        const auto length = ::read(fd_.get(), buffer.data(), buffer.size());
        if (length <= 0) return false;
        output_.append(buffer.data(), static_cast<std::size_t>(length));
    }
    return true;
}

int Console::count(const std::string& text) const {
    int count = 0;
    for (auto at = output_.find(text); at != std::string::npos; at = output_.find(text, at + 1)) ++count;
    return count;
}

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
