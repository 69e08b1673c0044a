// SPDX-License-Identifier: LGPL-2.1-or-later
// jobs: what is under way. job: cancel one or wait for it.
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <memory>

#include "job_waiter.h"
#include "program.h"
#include "text.h"
#include "verbs.h"

namespace virtbusctl {

namespace {

std::string job_path(const std::string& number) {
    const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    if (number.empty() || !std::all_of(number.begin(), number.end(), is_digit))
        throw UsageError(fmt::format("\"{}\" is not the number of a job", printable(number)));
    return fmt::format("{}/job/{}", root_path, number);
}

using Names = std::map<std::string, std::string>;

/// The name of a machine by its path; the path itself where there is none (any more).
const std::string& subject_name(const Names& names, const std::string& path) {
    const auto name = names.find(path);
    return name == names.end() ? path : name->second;
}

Cell progress_cell(double progress) {
    if (progress < 0) return {"", nullptr};
    return {fmt::format("{} %", static_cast<int>(progress * 100)), progress};
}

bool list(Program& program) {
    Table table("jobs", {{"JOB", "job", Column::Fit::right},
                         {"KIND", "kind"},
                         {"SUBJECT", "subject", Column::Fit::cut},
                         {"STATE", "state"},
                         {"PROGRESS", "progress", Column::Fit::right}});
    const auto jobs = program.bus().manager().ListJobs();
    const auto names = jobs.empty() ? Names{} : program.bus().machine_names();
    for (const auto& job : jobs) {
        const std::string& path = job.get<0>();
        const auto number = std::strtoull(path.substr(path.rfind('/') + 1).c_str(), nullptr, 10);
        table.add({number_cell(number), text_cell(job.get<1>()), text_cell(subject_name(names, job.get<2>())),
                   text_cell(job.get<3>()), progress_cell(job.get<4>())});
    }
    table.print(program.output());
    return true;
}

bool cancel(Program& program, const std::vector<std::string>& numbers) {
    bool success = true;
    for (const auto& number : numbers)
        success = program.attempt("cancel job " + printable(number), [&] {
            Job(program.bus().connection(), job_path(number)).Cancel({});
        }) && success;
    return success;
}

bool wait_for(Program& program, const std::vector<std::string>& numbers) {
    JobWaiter waiter(program.bus());
    const auto names = program.bus().machine_names();
    bool success = true;
    for (const auto& number : numbers)
        success = program.attempt("wait for job " + printable(number), [&] {
            const auto path = job_path(number);
            const auto subject = text_at(program.bus().properties(path, Job::INTERFACE_NAME), "Subject");
            waiter.add(path, printable(subject_name(names, subject)));
        }) && success;
    return waiter.wait() && success;
}

}  // namespace

void add_job_verbs(Program& program) {
    program.add_verb("Jobs", "jobs", "list the jobs that run or have ended lately", "list the jobs",
                     [&program] { return list(program); });
    const auto numbers = std::make_shared<std::vector<std::string>>();
    auto* job = program.add_verb("Jobs", "job", "cancel jobs, or wait for them", "", {});
    job->require_subcommand(1);
    const auto add = [&](const char* name, const char* description,
                         bool (*run)(Program&, const std::vector<std::string>&)) {
        auto* verb = job->add_subcommand(name, description);
        verb->fallthrough();
        verb->add_option("NUMBER", *numbers)->required();
        verb->callback([&program, numbers, run] {
            program.choose("", [&program, numbers, run] { return run(program, *numbers); });
        });
    };
    add("cancel", "ask jobs to stop", cancel);
    add("wait", "wait for jobs, showing how far they are", wait_for);
}

}  // namespace virtbusctl
