// SPDX-License-Identifier: LGPL-2.1-or-later
// What the tests in labs share: real hypervisors, whose machines are slow as all of it is emulated. Runs by run-lab.
#pragma once

#include "support/machine_test.h"

#include <string>

namespace virtbus::test {

class LabTest : public MachineTest {
protected:
    LabTest();

    /// Whether virtbusd and this run in the lab, and not outside of it.
    static bool inside();
    /// Runs a command line in the lab as its root; what it wrote. The test fails when it does.
    static std::string host(const std::string& command);

    /// A name that no other machine has.
    static std::string new_name();
    /// Starts a machine, and waits until its guest says on the console that it is ready.
    void start_ready(const std::string& path);
    /// Opens the console, and waits until the guest says so.
    bool says_ready(const std::string& path);

    /// How a hypervisor tells that a guest has rebooted.
    struct Event {
        std::string event;
        std::string detail;
    };
    /// All of a machine's life, from when it was defined until it is deleted: what each call does, and what the second
    /// client is told.
    void live(const std::string& path, const Event& rebooted);
    void start_and_pause(const std::string& path);
    void reboot(const std::string& path, const Event& rebooted);
    void shut_down(const std::string& path);
    void remove(const std::string& path);
};

}  // namespace virtbus::test
