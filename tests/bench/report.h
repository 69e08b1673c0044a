// SPDX-License-Identifier: LGPL-2.1-or-later
// What scripts/bench prints: one row a comparison, and whether it reaches its goal.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace virtbus::bench {

using Clock = std::chrono::steady_clock;
using Samples = std::vector<double>;

/// Since `start`, in milliseconds, as all times here.
inline double since(Clock::time_point start) {
    return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

/// The value below which `part` of the samples are: 0.5 is the median.
double quantile(Samples samples, double part);
inline double median(const Samples& samples) { return quantile(samples, 0.5); }

/// Times `work` as often as that.
template <typename Work>
Samples times(int count, Work work) {
    Samples samples;
    for (int i = 0; i < count; ++i) {
        const auto start = Clock::now();
        work();
        samples.push_back(since(start));
    }
    return samples;
}

/// A limit for the ratio ours / peer's, or for our figure itself.
struct Goal {
    enum class Of { ratio, figure } of;
    double most;
};
inline Goal ratio_at_most(double most) { return {Goal::Of::ratio, most}; }
inline Goal at_most(double most) { return {Goal::Of::figure, most}; }

struct Row {
    std::string name;
    double ours;
    std::string peer_name;  ///< empty: nobody
    std::optional<double> peer;
    std::string unit;
    Goal goal;

    [[nodiscard]] std::optional<double> ratio() const;
    [[nodiscard]] bool met() const;
    [[nodiscard]] std::string goal_text() const;
};

class Report {
public:
    /// Prints it, too: a run takes its time.
    void add(Row row);
    void add(std::string name, double ours, std::string unit, Goal goal) {
        add({std::move(name), ours, {}, {}, std::move(unit), goal});
    }
    void add(std::string name, double ours, std::string peer_name, double peer, std::string unit, Goal goal) {
        add({std::move(name), ours, std::move(peer_name), peer, std::move(unit), goal});
    }

    void write_json(const std::string& path) const;
    /// Prints how many goals are reached.
    void summarise() const;

private:
    std::vector<Row> rows_;
};

}  // namespace virtbus::bench
