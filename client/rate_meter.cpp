// SPDX-License-Identifier: LGPL-2.1-or-later
#include "rate_meter.h"

namespace virtbusctl {

namespace {

constexpr std::chrono::seconds window(10);
constexpr std::chrono::milliseconds between_samples(100);

}  // namespace

void RateMeter::add(std::uint64_t processed, Time now) {
    if (!samples_.empty() && processed < samples_.back().processed) samples_.clear();
    if (!samples_.empty() && now < samples_.back().time + between_samples) return;
    samples_.push_back({now, processed});
    while (samples_.size() > 2 && samples_[1].time <= now - window) samples_.pop_front();
}

double RateMeter::rate() const {
    if (samples_.empty()) return 0;
    const auto& first = samples_.front();
    const auto& last = samples_.back();
    const double seconds = std::chrono::duration<double>(last.time - first.time).count();
    return seconds < 1 ? 0 : static_cast<double>(last.processed - first.processed) / seconds;
}

}  // namespace virtbusctl
