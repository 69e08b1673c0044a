// SPDX-License-Identifier: LGPL-2.1-or-later
// How fast bytes go by now: over the last seconds, not since the beginning, so that a stall is seen as one.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>

namespace virtbusctl {

class RateMeter {
public:
    using Time = std::chrono::steady_clock::time_point;

    /// `processed`: bytes done so far. Less than before is a new beginning.
    void add(std::uint64_t processed, Time now);

    /// Bytes a second; 0 until it has watched for a second.
    [[nodiscard]] double rate() const;

private:
    struct Sample {
        Time time;
        std::uint64_t processed;
    };
    std::deque<Sample> samples_;
};

}  // namespace virtbusctl
