// SPDX-License-Identifier: LGPL-2.1-or-later
// Whom the helper works for: the other end of its socket. When that end is closed, or we are told to terminate, nobody
// wants the work any more. One thread.
#pragma once

#include "base/unique_fd.h"

#include <poll.h>
#include <nlohmann/json_fwd.hpp>

#include <array>
#include <chrono>
#include <cstdint>
#include <string>

namespace virtbus {

class Peer {
public:
    /// From here on SIGTERM, SIGINT and SIGHUP are heard here, and end nothing by themselves.
    explicit Peer(int socket);

    /// Waits for the request, one line. Error cancelled when none comes.
    std::string request();

    /// Says how far the work is, in bytes, though not more often than anybody looks.
    void at(std::uint64_t processed, std::uint64_t total);
    /// The last that is said.
    void answer(const nlohmann::json& message) const;

    /// What to poll(2): cancelled() of what comes of it says whether it is over.
    [[nodiscard]] std::array<pollfd, 2> files() const;
    [[nodiscard]] static bool cancelled(const std::array<pollfd, 2>& files);
    /// Error cancelled if nobody wants it any more.
    void refuse_cancelled() const;

private:
    int socket_;
    UniqueFd signals_;
    std::chrono::steady_clock::time_point told_;
};

}  // namespace virtbus
