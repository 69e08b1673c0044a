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

/// "42 %, 1.2 GiB of 3 GiB, 300 MiB/s, 8 s left", or "12 s" for a job that cannot tell more. `job`: its properties.
[[nodiscard]] std::string progress_text(const Json& job, std::chrono::microseconds elapsed);

/// "[########            ]", or nothing when the progress is not known.
[[nodiscard]] std::string progress_bar(const Json& job, std::size_t width);

/// Standard error: on a terminal one line that is written over and over, else a line every ten seconds.
class ProgressLine {
public:
    ProgressLine();
    ProgressLine(const ProgressLine&) = delete;
    ProgressLine& operator=(const ProgressLine&) = delete;
    ~ProgressLine() { clear(); }

    /// `text`: printable.
    void show(const std::string& text);
    /// Before anything else is written.
    void clear();
    [[nodiscard]] bool is_terminal() const { return is_terminal_; }

private:
    using Clock = std::chrono::steady_clock;
    bool is_terminal_;
    bool visible_ = false;
    Clock::time_point next_line_;
};

}  // namespace virtbusctl
