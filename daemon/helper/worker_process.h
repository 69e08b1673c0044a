// SPDX-License-Identifier: LGPL-2.1-or-later
// Runs work that cannot be interrupted in a process of its own, so that it, and all that it starts, can be ended: when
// nobody wants it any more, or it takes too long, or we die. One thread.
#pragma once

#include "base/unique_fd.h"
#include "helper/peer.h"

#include <nlohmann/json.hpp>

#include <chrono>
#include <cstdint>
#include <functional>

namespace virtbus {

/// What the work says while it goes on.
class WorkReport {
public:
    explicit WorkReport(int fd) : fd_(fd) {}

    /// How far it is, of any number of steps.
    void at(std::uint64_t processed, std::uint64_t total);
    /// From here on it has to end by itself: it is too late to cancel it.
    void begin_changing();

private:
    int fd_;
};

struct Work {
    std::function<nlohmann::json(WorkReport&)> perform;
    std::chrono::seconds limit;  ///< then it is ended: Error failed
    std::string act;             ///< "read the machine-id of …", for messages
};

/// What it returns, or the Error that it throws. Error cancelled when it was ended because the peer has gone.
nlohmann::json run_worker(Peer& peer, const Work& work);

}  // namespace virtbus
