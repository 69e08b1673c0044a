// SPDX-License-Identifier: LGPL-2.1-or-later
#include "support/machine_test.h"

#include <algorithm>
#include <cstdlib>
#include <stdexcept>

namespace virtbus::test {

std::string environment(const char* name) {
    const char* value = std::getenv(name);
    if (value == nullptr) throw std::runtime_error(std::string(name) + " is not set: run this by the suite's script");
    return value;
}

MachineTest::MachineTest(const std::string& address, const std::string& hypervisor)
    : hypervisor_path("/org/virtbus1/hypervisor/" + hypervisor), actor(address), observer(address) {}

void MachineTest::TearDown() {
    for (const auto& path : created_) {
        try {
            machine(path)->Delete({{"force", true}});
        } catch (const sdbus::Error&) {
            // The test has deleted it itself.
        }
    }
}

std::string MachineTest::create(const std::string& on, const VariantMap& spec) {
    created_.push_back(actor.hypervisor(on)->CreateMachine(spec));
    return created_.back();
}

std::string MachineTest::define(const std::string& xml) {
    created_.push_back(hypervisor()->DefineXml(xml, {}));
    return created_.back();
}

bool MachineTest::happened(const std::string& path, const std::string& event, const std::string& detail) {
    return told("/org/virtbus1", path, event, detail) && told(path, path, event, detail);
}

bool MachineTest::told(const std::string& by, const std::string& path, const std::string& event,
                       const std::string& detail) {
    const std::vector<std::string> words{event, detail};
    return observer.wait_until([&] {
        return std::any_of(observer.signals.begin(), observer.signals.end(), [&](const Signal& signal) {
            return signal.name == "Lifecycle" && signal.path == by && signal.subject == path && signal.words == words;
        });
    });
}

std::vector<std::string> MachineTest::events(const std::string& path) {
    observer.flush();
    std::vector<std::string> events;
    for (const auto& signal : observer.signals)
        if (signal.name == "Lifecycle" && signal.path == "/org/virtbus1" && signal.subject == path)
            events.push_back(signal.words[0] + " " + signal.words[1]);
    return events;
}

std::string MachineTest::finish(const std::string& job) {
    const auto proxy = actor.job(job);
    actor.wait_until([&] { return proxy->State() != "running"; });
    return proxy->State();
}

std::string MachineTest::outcome(const std::string& job) {
    return actor.job(job)->Result().at("outcome").get<std::string>();
}

}  // namespace virtbus::test
