// SPDX-License-Identifier: LGPL-2.1-or-later
// Clients that call virtbus without a pause, each on machines of its own, and judge every reply.
#pragma once

#include "support/private_bus.h"

#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace virtbus::test {

/// What the replies were.
struct Tally {
    std::map<std::string, int> outcomes;  ///< "right", or the error's name
    std::vector<std::string> wrong;       ///< each that was none of what it may be, and why
    std::chrono::steady_clock::duration slowest{};

    [[nodiscard]] int calls() const;
    [[nodiscard]] std::string text() const;
};

class ChaosClients {
public:
    /// Begins to call: on hypervisors "h0", "h1", … of this many.
    ChaosClients(const PrivateBus& bus, int clients, int hypervisors);

    /// Ends when each has the reply to its last call.
    Tally stop();

private:
    class Caller;

    void call_on(const std::string& address, int client, int clients, int hypervisors, const std::stop_token& stop);

    std::mutex mutex_;
    Tally tally_;
    std::vector<std::jthread> threads_;
};

}  // namespace virtbus::test
