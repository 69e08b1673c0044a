// SPDX-License-Identifier: LGPL-2.1-or-later
#include "progress.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

#include "text.h"
#include "units.h"

namespace virtbusctl {

namespace {

constexpr std::array<std::size_t, 3> bar_widths = {40, 20, 10};  // few: the bar does not change with each figure
constexpr std::size_t long_label = 16;                           // what the smallest bar leaves of one
constexpr std::size_t short_label = 8;

/// 0 to 1; less when it is not known.
double progress_of(const Json& job) {
    const auto member = job.find("Progress");
    if (member != job.end() && member->is_number() && member->get<double>() >= 0)
        return std::min(member->get<double>(), 1.0);
    const auto total = number_at(job, "Total");
    if (total == 0) return -1;
    return std::min(static_cast<double>(number_at(job, "Processed")) / static_cast<double>(total), 1.0);
}

/// What is left as the job says it, or else as the rate lets one expect; 0: not known.
std::chrono::microseconds time_left(const Json& job, double rate) {
    if (const auto left = number_at(job, "RemainingUSec"); left > 0) return std::chrono::microseconds(left);
    const auto processed = number_at(job, "Processed");
    const auto total = number_at(job, "Total");
    if (rate < 1 || processed >= total) return {};
    const double seconds = static_cast<double>(total - processed) / rate;
    constexpr double longest = 365 * 86400.0;  // beyond it is no estimate
    if (seconds > longest) return {};
    return std::chrono::microseconds(static_cast<std::int64_t>(std::max(seconds, 1.0) * 1e6));
}

std::string shortened(const std::string& text, std::size_t columns) {
    return display_width(text) <= columns ? text : cut(text, columns - 1) + "…";
}

std::size_t terminal_columns() {
    winsize size{};
    const bool known = ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
    return known ? size.ws_col : 80;
}

}  // namespace

JobWords job_words(const std::string& kind) {
    static const std::map<std::string, const char*> gerunds = {
        {"start", "starting"},     {"save", "saving"},     {"refresh", "refreshing"}, {"create", "creating"},
        {"import", "importing"},   {"clone", "cloning"},   {"convert", "converting"}, {"resize", "resizing"},
        {"flatten", "flattening"}, {"rebase", "rebasing"}, {"export", "exporting"},   {"wipe", "wiping"},
        {"check", "checking"},     {"delete", "deleting"},
    };
    static const std::map<std::string, JobWords> phrases = {
        {"shutdown", {"shut down", "shutting down"}},
        {"run", {"run a command in", "running a command in"}},
        {"machine-id-refresh", {"read the machine-id of", "reading the machine-id of"}},
        {"machine-id-assign", {"set the machine-id of", "setting the machine-id of"}},
        {"machine-id-regenerate", {"regenerate the machine-id of", "regenerating the machine-id of"}},
        {"machine-id-seal", {"seal", "sealing"}},
        {"machine-id-audit", {"audit machine-ids on", "auditing machine-ids on"}},
    };
    if (const auto phrase = phrases.find(kind); phrase != phrases.end()) return phrase->second;
    const auto known = gerunds.find(kind);
    return {kind, known == gerunds.end() ? kind : known->second};
}

std::string progress_text(const Json& job, const Pace& pace) {
    std::string text;
    const auto add = [&text](const std::string& part) { text += (text.empty() ? "" : ", ") + part; };
    const double progress = progress_of(job);
    const auto total = number_at(job, "Total");
    if (progress >= 0) add(fmt::format("{} %", std::floor(progress * 100)));
    if (total > 0) add(fmt::format("{} of {}", size_text(number_at(job, "Processed")), size_text(total)));
    if (pace.rate >= 1) add(size_text(static_cast<std::uint64_t>(pace.rate)) + "/s");
    if (const auto left = time_left(job, pace.rate); left.count() > 0)
        add(duration_text(left) + " left");
    else if (pace.elapsed.count() > 0 || text.empty())
        add(duration_text(pace.elapsed));
    return text;
}

std::string progress_bar(const Json& job, std::size_t width) {
    const double progress = progress_of(job);
    if (progress < 0) return "";
    const auto done = static_cast<std::size_t>(progress * static_cast<double>(width));
    return fmt::format("[{}{}]", std::string(done, '#'), std::string(width - done, ' '));
}

std::string progress_line(const std::string& label, const Json& job, const Pace& pace, std::size_t columns) {
    const auto text = progress_text(job, pace);
    const std::size_t behind_label = 2 + display_width(text);
    const std::size_t room = columns > behind_label ? columns - behind_label : 0;
    for (const auto width : bar_widths) {
        const std::size_t bar = width + 3;  // the brackets, and a space
        const std::size_t for_label =
            std::min(display_width(label), width == bar_widths.back() ? long_label : std::string::npos);
        if (progress_of(job) >= 0 && room >= bar + for_label)
            return fmt::format("{}: {} {}", shortened(label, room - bar), progress_bar(job, width), text);
    }
    return cut(shortened(label, std::max(room, short_label)) + ": " + text, columns);
}

bool LogPace::due(const Json& job, Time now) {
    const double progress = progress_of(job);
    const int tenths = progress < 0 ? 0 : static_cast<int>(progress * 10);
    const bool late = now >= last_ + (progress < 0 ? std::chrono::seconds(10) : std::chrono::seconds(60));
    // What is done at once needs no line in a log.
    if (now < last_ + std::chrono::seconds(1) || (tenths == tenths_ && !late)) return false;
    last_ = now;
    tenths_ = tenths;
    return true;
}

ProgressLine::ProgressLine() : is_terminal_(::isatty(STDERR_FILENO) == 1), log_pace_(LogPace::Time::clock::now()) {}

void ProgressLine::show(const std::string& label, const Json& job, const Pace& pace) {
    if (is_terminal_) {
        // Not the last column: the cursor would go on to the next line.
        fmt::print(stderr, "\r{}\x1b[K", progress_line(label, job, pace, terminal_columns() - 1));
        visible_ = true;
    } else if (log_pace_.due(job, LogPace::Time::clock::now())) {
        fmt::print(stderr, "{}: {}\n", label, progress_text(job, pace));
    }
}

void ProgressLine::clear() {
    if (visible_) fmt::print(stderr, "\r\x1b[K");
    visible_ = false;
}

}  // namespace virtbusctl
