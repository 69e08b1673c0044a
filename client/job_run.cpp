// SPDX-License-Identifier: LGPL-2.1-or-later
#include "job_run.h"

#include <fmt/format.h>

#include <utility>

#include "program.h"

namespace virtbusctl {

JobRun::JobRun(Program& program, bool no_wait) : program_(program), no_wait_(no_wait), waiter_(program.bus()) {}

void JobRun::began(const std::string& path, const std::string& subject, JobWaiter::Done done) {
    if (!no_wait_) return waiter_.add(path, subject, std::move(done));
    told_ = true;
    if (program_.output().json)
        fmt::print("{}\n", json_line({{"job", path}, {"subject", subject}}));
    else
        fmt::print("{}\n", path);
}

void add_no_wait(CLI::App& verb, bool& no_wait) {
    verb.add_flag("--no-wait", no_wait, "print the path of the job instead of waiting for it");
}

}  // namespace virtbusctl
