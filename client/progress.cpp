// SPDX-License-Identifier: LGPL-2.1-or-later
#include "progress.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "text.h"
#include "units.h"

namespace virtbusctl {

namespace {

/// 0 to 1; less when it is not known.
double progress_of(const Json& job) {
    const auto member = job.find("Progress");
    return member != job.end() && member->is_number() ? std::min(member->get<double>(), 1.0) : -1;
}

std::size_t terminal_columns() {
    winsize size{};
    const bool known = ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
    return known ? size.ws_col : 80;
}

}  // namespace

JobWords job_words(const std::string& kind) {
    if (kind == "start") return {"start", "starting"};
    if (kind == "shutdown") return {"shut down", "shutting down"};
    if (kind == "save") return {"save", "saving"};
    return {kind, kind};
}

std::string progress_text(const Json& job, std::chrono::microseconds elapsed) {
    std::string text;
    const auto add = [&text](const std::string& part) { text += (text.empty() ? "" : ", ") + part; };
    const double progress = progress_of(job);
    const auto processed = number_at(job, "Processed");
    const auto total = number_at(job, "Total");
    if (progress >= 0) add(fmt::format("{} %", std::floor(progress * 100)));
    if (total > 0) add(fmt::format("{} of {}", size_text(processed), size_text(total)));
    const double seconds = std::chrono::duration<double>(elapsed).count();
    if (processed > 0 && seconds >= 1)
        add(size_text(static_cast<std::uint64_t>(static_cast<double>(processed) / seconds)) + "/s");
    if (const auto left = number_at(job, "RemainingUSec"); left > 0)
        add(duration_text(std::chrono::microseconds(left)) + " left");
    else if (elapsed.count() > 0 || text.empty())
        add(duration_text(elapsed));
    return text;
}

std::string progress_bar(const Json& job, std::size_t width) {
    const double progress = progress_of(job);
    if (progress < 0) return "";
    const auto done = static_cast<std::size_t>(progress * static_cast<double>(width));
    return fmt::format("[{}{}]", std::string(done, '#'), std::string(width - done, ' '));
}

ProgressLine::ProgressLine() : is_terminal_(::isatty(STDERR_FILENO) == 1), next_line_(Clock::now()) {
    next_line_ += std::chrono::seconds(1);  // what is done at once needs no line in a log
}

void ProgressLine::show(const std::string& text) {
    if (is_terminal_) {
        fmt::print(stderr, "\r{}\x1b[K", cut(text, terminal_columns() - 1));
        visible_ = true;
    } else if (Clock::now() >= next_line_) {
        fmt::print(stderr, "{}\n", text);
        next_line_ = Clock::now() + std::chrono::seconds(10);
    }
}

void ProgressLine::clear() {
    if (visible_) fmt::print(stderr, "\r\x1b[K");
    visible_ = false;
}

}  // namespace virtbusctl
