// SPDX-License-Identifier: LGPL-2.1-or-later
// What a job is seen to do: its properties in words, and the line that shows them while somebody waits.
#pragma once

#include <chrono>
#include <string>

#include "values.h"

namespace virtbusctl {

/// How the kind of a job is spoken of. One that this client does not know is called by its name.
struct JobWords {
    std::string infinitive;  // "shut down", for "cannot shut down web"
    std::string gerund;      // "shutting down"
};
[[nodiscard]] JobWords job_words(const std::string& kind);

/// What the job does not tell by itself.
struct Pace {
    std::chrono::microseconds elapsed{};
    double rate = 0;  // bytes a second; 0: not known
};

/// "42 %, 1.2 GiB of 3 GiB, 300 MiB/s, 8 s left", or "12 s" for a job that cannot tell more. `job`: its properties.
[[nodiscard]] std::string progress_text(const Json& job, const Pace& pace);

/// "[########            ]", or nothing when the progress is not known. `width`: between the brackets.
[[nodiscard]] std::string progress_bar(const Json& job, std::size_t width);

/// "cloning web: [####    ] 42 %, …" in at most so many columns. Where there is no room, the bar shrinks, then
/// the label loses its end as far as it stays legible, then the bar goes. `label`: printable.
[[nodiscard]] std::string progress_line(const std::string& label, const Json& job, const Pace& pace,
                                        std::size_t columns);

/// Says when a log wants a line: every 10 %, at most once a second, at least once a minute.
class LogPace {
public:
    using Time = std::chrono::steady_clock::time_point;
    explicit LogPace(Time begin) : last_(begin) {}

    /// Whether to write a line now; it is taken for written then.
    bool due(const Json& job, Time now);

private:
    Time last_;
    int tenths_ = 0;
};

/// Standard error: on a terminal one line that is written over and over, else a line now and then.
class ProgressLine {
public:
    ProgressLine();
    ProgressLine(const ProgressLine&) = delete;
    ProgressLine& operator=(const ProgressLine&) = delete;
    ~ProgressLine() { clear(); }

    /// `label`: printable.
    void show(const std::string& label, const Json& job, const Pace& pace);
    /// Before anything else is written.
    void clear();

private:
    bool is_terminal_;
    bool visible_ = false;
    LogPace log_pace_;
};

}  // namespace virtbusctl
