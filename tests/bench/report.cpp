// SPDX-License-Identifier: LGPL-2.1-or-later
#include "report.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <stdexcept>

namespace virtbus::bench {

double quantile(Samples samples, double part) {
    if (samples.empty()) throw std::runtime_error("nothing was measured");
    std::sort(samples.begin(), samples.end());
    return samples[static_cast<std::size_t>(part * static_cast<double>(samples.size() - 1))];
}

std::optional<double> Row::ratio() const {
    if (!peer || *peer == 0) return {};
    return ours / *peer;
}

bool Row::met() const { return (goal.of == Goal::Of::ratio ? ratio().value_or(0) : ours) <= goal.most; }

std::string Row::goal_text() const {
    if (goal.of == Goal::Of::figure) return fmt::format("≤ {:.4g} {}", goal.most, unit);
    return goal.most < 0.9 ? fmt::format("≥ {:.3g} × less", 1 / goal.most) : fmt::format("≤ {:.3g} ×", goal.most);
}

void Report::add(Row row) {
    if (rows_.empty())
        fmt::print("| what | virtbus | against | | ours / its | goal | reached |\n|---|---|---|---|---|---|---|\n");
    const auto ratio = row.ratio();
    fmt::print("| {} | {:.3g} {} | {} | {} | {} | {} | {} |\n", row.name, row.ours, row.unit,
               row.peer_name.empty() ? "–" : row.peer_name,
               row.peer ? fmt::format("{:.3g} {}", *row.peer, row.unit) : "",
               ratio ? fmt::format("{:.3g}", *ratio) : "", row.goal_text(), row.met() ? "yes" : "**no**");
    std::fflush(stdout);
    rows_.push_back(std::move(row));
}

void Report::write_json(const std::string& path) const {
    auto list = nlohmann::json::array();
    for (const auto& row : rows_) {
        const auto ratio = row.ratio();
        list.push_back({{"name", row.name},
                        {"ours", row.ours},
                        {"peer", row.peer ? nlohmann::json(*row.peer) : nlohmann::json()},
                        {"unit", row.unit},
                        {"ratio", ratio ? nlohmann::json(*ratio) : nlohmann::json()},
                        {"goal", row.goal_text()},
                        {"met", row.met()}});
    }
    std::ofstream file(path);
    file << nlohmann::json{{"rows", list}}.dump(2) << '\n';
    if (!file.flush()) throw std::runtime_error("cannot write " + path);
}

void Report::summarise() const {
    const auto met = std::count_if(rows_.begin(), rows_.end(), [](const Row& row) { return row.met(); });
    fmt::print("\n{} of {} goals are reached.\n", met, rows_.size());
}

}  // namespace virtbus::bench
