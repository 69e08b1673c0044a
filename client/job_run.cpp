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

}  // namespace virtbusctl
