// SPDX-License-Identifier: LGPL-2.1-or-later
// The daemon's bus side as daemon/main.cpp composes it, on fake hypervisors and on a thread of its own.
#pragma once

#include "bus/connection.h"
#include "model/allowed_files.h"
#include "model/user_limits.h"
#include "support/fake_guests.h"
#include "support/fake_port.h"
#include "support/private_bus.h"
#include "support/temporary_directory.h"

#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace virtbus::test {

class Server {
public:
    /// By name.
    using Hypervisors = std::vector<std::pair<std::string, std::shared_ptr<FakeHypervisor>>>;

    /// Returns when the name is on the bus; what the bus shows may still be coming. `more` may be added.
    Server(const PrivateBus& bus, Hypervisors hypervisors, bus::BusType type = bus::BusType::session,
           AllowedFiles allowed = AllowedFiles::everything(), Hypervisors more = {}, Limits limits = {});
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;
    /// Lets go whatever hangs, and stops.
    ~Server();

    /// Begins to stop, as SIGTERM does: it answers those who wait, and then waits for calls that hang.
    void begin_to_stop();

    /// What works on the files of images: those of the first hypervisor.
    FakeTool& tool() { return *tool_; }
    /// What is inside the disks of machines.
    FakeGuests& guests() { return *guests_; }
    /// What runs commands in containers.
    FakeContainers& containers() { return *containers_; }
    /// Below which this host's machine-id is.
    [[nodiscard]] const std::filesystem::path& root() const { return root_.path; }

private:
    class Daemon;

    void run(bus::BusType type, const AllowedFiles& allowed, const Limits& limits, std::promise<void>& ready);

    Hypervisors hypervisors_;
    Hypervisors more_;
    std::shared_ptr<FakeTool> tool_;
    std::shared_ptr<FakeGuests> guests_;
    std::shared_ptr<FakeContainers> containers_;
    TemporaryDirectory root_;
    std::unique_ptr<Daemon> daemon_;  // made by its thread, and gone when that has ended
    std::thread thread_;
};

}  // namespace virtbus::test
