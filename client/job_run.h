// SPDX-License-Identifier: LGPL-2.1-or-later
// The jobs that a verb begins: waited for, or with --no-wait only told.
#pragma once

#include <string>

#include "job_waiter.h"

namespace CLI {
class App;
}

namespace virtbusctl {

class Program;

class JobRun {
public:
    /// Before the call that returns the job.
    JobRun(Program& program, bool no_wait);

    /// `subject`: what it works on, printable. `done`: what to do with its result.
    void began(const std::string& path, const std::string& subject, JobWaiter::Done done = {});

    /// Whether all that were waited for ended well.
    bool wait() { return waiter_.wait(); }
    /// Whether a job that was begun goes on, for all that is known.
    [[nodiscard]] bool left_one() const { return told_ || waiter_.abandoned(); }

private:
    Program& program_;
    bool no_wait_;
    bool told_ = false;
    JobWaiter waiter_;
};

/// The option --no-wait of a verb.
void add_no_wait(CLI::App& verb, bool& no_wait);

}  // namespace virtbusctl
