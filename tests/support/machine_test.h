// SPDX-License-Identifier: LGPL-2.1-or-later
// What tests of real machines share: one client that acts, and another that sees what every client sees.
#pragma once

#include "support/client.h"
#include "support/console.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace virtbus::test {

/// For the kernel of the small guest: as make-guest says.
inline const std::string guest_command_line = "console=ttyS0 quiet loglevel=3 no_timer_check";

/// A variable of the environment that the suite's script sets.
std::string environment(const char* name);

class MachineTest : public testing::Test {
protected:
    /// `address` is that of the bus that virtbusd serves, `hypervisor` the name of the one that the machines are on.
    MachineTest(const std::string& address, const std::string& hypervisor);
    void TearDown() override;

    /// CreateMachine; the machine is deleted when the test has ended.
    std::string create(const VariantMap& spec) { return create(hypervisor_path, spec); }
    /// The same on another hypervisor, of this path.
    std::string create(const std::string& on, const VariantMap& spec);
    /// The same for DefineXml.
    std::string define(const std::string& xml);

    std::unique_ptr<proxies::Hypervisor> hypervisor() { return actor.hypervisor(hypervisor_path); }
    std::unique_ptr<proxies::Machine> machine(const std::string& path) { return actor.machine(path); }

    /// A property, as the second client reads it.
    template <typename Value>
    Value get(const std::string& path, const std::string& property) {
        return observer.machine(path)->Get("org.virtbus1.Machine", property).get<Value>();
    }
    std::string state(const std::string& path) { return get<std::string>(path, "State"); }

    /// Waits until the second client was told that `property` became `value`.
    template <typename Value>
    bool announced(const std::string& path, const std::string& property, const Value& value);
    /// Waits until the second client was told of this Lifecycle event of the machine, by Manager and Machine alike.
    bool happened(const std::string& path, const std::string& event, const std::string& detail);
    bool told_by_manager(const std::string& path, const std::string& event, const std::string& detail) {
        return told("/org/virtbus1", path, event, detail);
    }
    /// Forgets what the second client was told so far.
    void forget() {
        observer.flush();
        observer.signals.clear();
    }
    /// The Lifecycle events of a machine that the second client was told, in their order: "event detail".
    std::vector<std::string> events(const std::string& path);

    /// Waits for a job's end; its State.
    std::string finish(const std::string& job);
    std::string outcome(const std::string& job);

    const std::string hypervisor_path;
    Client actor;
    Client observer;

private:
    bool told(const std::string& by, const std::string& path, const std::string& event, const std::string& detail);

    std::vector<std::string> created_;
};

template <typename Value>
bool MachineTest::announced(const std::string& path, const std::string& property, const Value& value) {
    return observer.wait_until([&] {
        for (const auto& signal : observer.signals)
            if (signal.name == "PropertiesChanged" && signal.path == path && signal.changed.contains(property) &&
                signal.changed.at(property).get<Value>() == value)
                return true;
        return false;
    });
}

}  // namespace virtbus::test
