// SPDX-License-Identifier: LGPL-2.1-or-later
// What a long blocking call on a worker thread and the main thread say to each other: how far it is, and that nobody
// wants it any more. Any thread.
#pragma once

#include "base/unique_fd.h"

#include <atomic>
#include <cstdint>

namespace virtbus {

class Transfer {
public:
    Transfer();

    /// Says how far it is, in bytes.
    void at(std::uint64_t processed, std::uint64_t total) {
        total_ = total;
        processed_ = processed;
    }
    [[nodiscard]] std::uint64_t processed() const { return processed_; }
    [[nodiscard]] std::uint64_t total() const { return total_; }

    void cancel();
    [[nodiscard]] bool is_cancelled() const { return cancelled_; }
    /// Error cancelled if it is.
    void refuse_cancelled() const;
    /// Becomes readable when it is cancelled: for poll(2), never read from.
    [[nodiscard]] int cancel_fd() const { return event_.get(); }

private:
    std::atomic<std::uint64_t> processed_ = 0;
    std::atomic<std::uint64_t> total_ = 0;
    std::atomic<bool> cancelled_ = false;
    UniqueFd event_;
};

}  // namespace virtbus
