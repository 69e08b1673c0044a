// SPDX-License-Identifier: LGPL-2.1-or-later
// job: what is under way, to list, watch and cancel. jobs: the list as well.
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <memory>

#include "job_waiter.h"
#include "object_name.h"
#include "program.h"
#include "text.h"
#include "verbs.h"

namespace virtbusctl {

namespace {

/// `job`: its number, or its path as --no-wait prints it.
std::string job_path(const std::string& job) {
    const std::string prefix = fmt::format("{}/job/", root_path);
    const auto number = job.substr(0, prefix.size()) == prefix ? job.substr(prefix.size()) : job;
    const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    if (number.empty() || !std::all_of(number.begin(), number.end(), is_digit))
        throw UsageError(fmt::format("\"{}\" is not the number of a job", printable(job)));
    return prefix + number;
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
    const auto& chosen = program.hypervisor();
    const auto above = chosen.empty() ? "" : program.bus().find_hypervisor(chosen).path + "/";
    const auto names = jobs.empty() ? std::map<std::string, std::string>{} : program.bus().machine_names();
    for (const auto& job : jobs) {
        const std::string& path = job.get<0>();
        if (!job.get<2>().starts_with(above)) continue;
        const auto number = std::strtoull(last_part(path).c_str(), nullptr, 10);
        table.add({number_cell(number), text_cell(job.get<1>()), text_cell(subject_name(names, job.get<2>())),
                   text_cell(job.get<3>()), progress_cell(job.get<4>())});
    }
    table.print(program.output());
    return true;
}

bool cancel(Program& program, const std::vector<std::string>& numbers) {
    return program.attempt_each("cancel job", numbers, [&](const std::string& number) {
        Job(program.bus().connection(), job_path(number)).Cancel({});
    });
}

bool wait_for(Program& program, const std::vector<std::string>& numbers) {
    JobWaiter waiter(program.bus());
    const auto names = program.bus().machine_names();
    const bool success = program.attempt_each("wait for job", numbers, [&](const std::string& number) {
        const auto path = job_path(number);
        const auto subject = text_at(program.bus().properties(path, Job::INTERFACE_NAME), "Subject");
        waiter.add(path, printable(subject_name(names, subject)));
    });
    return waiter.wait() && success;
}

}  // namespace

void add_job_verbs(Program& program) {
    constexpr const char* listing = "list the jobs that run or have ended lately";
    program.add_verb("Jobs", "jobs", listing, "list the jobs", [&program] { return list(program); });
    auto* job = program.add_family("Jobs", "job", "list jobs, watch or cancel them");
    program.add_nested_verb(*job, "list", listing, "list the jobs", [&program] { return list(program); });
    const auto jobs = std::make_shared<std::vector<std::string>>();
    const auto add = [&](const char* name, const char* description,
                         bool (*run)(Program&, const std::vector<std::string>&)) {
        auto* verb =
            program.add_nested_verb(*job, name, description, "", [&program, jobs, run] { return run(program, *jobs); });
        verb->add_option("JOB", *jobs)->required();
        return verb;
    };
    add("watch", "wait for jobs, showing how far they are; Ctrl-C cancels them", wait_for)->alias("wait");
    add("cancel", "ask jobs to stop", cancel);
}

}  // namespace virtbusctl
