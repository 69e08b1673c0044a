// SPDX-License-Identifier: LGPL-2.1-or-later
// A virtbusd of a test's own, on a private bus, with the test in systemd's place: it hears what sd_notify(3) tells.
#pragma once

#include "support/client.h"
#include "support/private_bus.h"

#include <sys/types.h>

#include <filesystem>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace virtbus::test {

class Virtbusd {
public:
    /// Starts it with a configuration file of these hypervisors (name → libvirt URI) and this keepalive interval, three
    /// messages; returns when it has told that it is ready.
    Virtbusd(const PrivateBus& bus, const std::map<std::string, std::string>& hypervisors, int keepalive_interval = 1);
    /// Ends it with SIGTERM, and starts another with the same configuration and state.
    void restart();
    /// Ends it, if it still runs.
    ~Virtbusd();
    Virtbusd(const Virtbusd&) = delete;
    Virtbusd& operator=(const Virtbusd&) = delete;

    [[nodiscard]] pid_t pid() const { return pid_; }

    /// How often it has told `line`, such as "WATCHDOG=1", so far.
    int told(const std::string& line) const;
    /// Sends SIGTERM; its exit code, or 128 and the signal that ended it.
    int terminate();

    /// Runs virtbusd with these arguments until it ends by itself; its exit code.
    static int run(const PrivateBus& bus, const std::vector<std::string>& arguments);

private:
    /// Returns when it has told that it is ready.
    void launch();
    /// Reads what is told, as systemd would: were it left in the socket, virtbusd would wait for room there.
    void listen(std::stop_token stop);

    const PrivateBus& bus_;
    std::filesystem::path directory_;
    int notify_ = -1;
    pid_t pid_ = -1;
    mutable std::mutex mutex_;
    std::map<std::string, int> told_;
    std::jthread listener_;
};

/// Waits until `hypervisor` is connected and listed.
bool wait_until_connected(Client& client, const std::string& hypervisor);

}  // namespace virtbus::test
