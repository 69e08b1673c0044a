// SPDX-License-Identifier: LGPL-2.1-or-later
#include "bus.h"

#include "report.h"

#include <thread>

namespace virtbus::bench {

void check(int result, const std::string& what) {
    if (result < 0) throw std::runtime_error(fmt::format("{}: {}", what, std::strerror(-result)));
}

Bus::Bus() {
    sd_bus* bus = nullptr;
    check(sd_bus_open_user(&bus), "the session bus");
    bus_.reset(bus);
    constexpr std::uint64_t minute = 60'000'000;
    check(sd_bus_set_method_call_timeout(bus, 2 * minute), "its patience");  // what is slow is to be seen in the table
}

void Bus::match(const std::string& rule, Heard heard) {
    const auto tell = [](sd_bus_message* message, void* function, sd_bus_error*) {
        (*static_cast<Heard*>(function))(message);
        return 0;
    };
    heard_.push_back(std::make_unique<Heard>(std::move(heard)));
    sd_bus_slot* slot = nullptr;
    check(sd_bus_add_match(bus_.get(), &slot, rule.c_str(), tell, heard_.back().get()), rule);
    slots_.emplace_back(slot);
}

void Bus::process_until(const std::function<bool()>& done, double seconds) {
    const auto start = Clock::now();
    while (!done()) {
        const int result = sd_bus_process(bus_.get(), nullptr);
        check(result, "sd_bus_process");
        if (result == 0) check(sd_bus_wait(bus_.get(), 10'000), "sd_bus_wait");
        if (since(start) > seconds * 1e3) throw std::runtime_error("what was waited for on the bus did not come");
    }
}

bool Bus::wait_for_name(const std::string& name) {
    const Object daemon{"org.freedesktop.DBus", "/org/freedesktop/DBus"};
    for (int i = 0; i < 1'000; ++i, std::this_thread::sleep_for(std::chrono::milliseconds(10))) {
        const auto reply = call(daemon, "org.freedesktop.DBus", "NameHasOwner", "s", name.c_str());
        int owned = 0;
        check(sd_bus_message_read(reply.get(), "b", &owned), "NameHasOwner");
        if (owned != 0) return true;
    }
    return false;
}

std::vector<std::string> paths_in(sd_bus_message* message) {
    std::vector<std::string> paths;
    const char* path = nullptr;
    check(sd_bus_message_enter_container(message, 'a', "o"), "a list of objects");
    while (sd_bus_message_read_basic(message, 'o', &path) > 0) paths.emplace_back(path);
    return paths;
}

}  // namespace virtbus::bench
