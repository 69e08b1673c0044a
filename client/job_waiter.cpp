// SPDX-License-Identifier: LGPL-2.1-or-later
#include "job_waiter.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "object_name.h"
#include "program.h"
#include "text.h"

namespace virtbusctl {

namespace {

constexpr const char* change_rule =
    "type='signal',sender='org.virtbus1',interface='org.freedesktop.DBus.Properties',member='PropertiesChanged',"
    "path_namespace='/org/virtbus1/job'";

std::chrono::microseconds elapsed(const Json& job) {
    const std::chrono::microseconds started(number_at(job, "StartedUSec"));
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return std::max(std::chrono::duration_cast<std::chrono::microseconds>(now) - started, std::chrono::microseconds(0));
}

std::string why_failed(const Json& job) {
    const auto error = array_at(job, "Error");
    if (error.size() != 2) return "the job failed";
    return explain(error[0].get<std::string>(), error[1].get<std::string>());
}

/// What is worth saying though the job is done.
void tell_outcome(const std::string& subject, const Json& job) {
    const auto result = job.find("Result");
    const auto outcome = result == job.end() ? "" : text_at(*result, "outcome");
    if (const auto warning = result == job.end() ? "" : text_at(*result, "warning"); !warning.empty())
        fmt::print(stderr, "Warning: {}\n", printable_lines(warning));
    if (outcome == "powered-off") fmt::print(stderr, "{} did not react in time: powered off\n", subject);
    if (outcome == "still-running") fmt::print(stderr, "{} did not react in time: still running\n", subject);
}

}  // namespace

JobWaiter::JobWaiter(Bus& bus, Progress progress)
    : bus_(bus),
      progress_(progress),
      changes_(bus.subscribe(change_rule, [this](sdbus::Message& message) { on_change(message); })),
      presence_(bus.subscribe_presence([this](bool present) { daemon_gone_ = daemon_gone_ || !present; })) {}

void JobWaiter::add(const std::string& path, const std::string& subject, Done done) {
    entries_.push_back({path, subject, bus_.properties(path, Job::INTERFACE_NAME), std::move(done)});
}

bool JobWaiter::wait() {
    SignalWatch signals({SIGINT});
    for (finish_ended(); left() > 0 && !abandoned_; finish_ended()) {
        if (daemon_gone_) throw Unreachable("virtbus has stopped meanwhile; what became of the job is not known");
        if (progress_ == Progress::shown) show();
        if (bus_.wait(std::chrono::milliseconds(500), signals.descriptor()) && signals.take() != 0) interrupt();
    }
    line_.clear();
    return success_ && !abandoned_;
}

void JobWaiter::on_change(sdbus::Message& message) {
    const auto path = message.getPath();
    std::string interface;
    Dictionary changed;
    message >> interface >> changed;
    for (auto& entry : entries_)
        if (entry.path == path) entry.job.update(to_json(changed));
}

void JobWaiter::finish_ended() {
    for (auto& entry : entries_) {
        if (entry.finished || text_at(entry.job, "State") == "running") continue;
        line_.clear();
        entry.finished = true;
        success_ = finish(entry) && success_;
    }
}

bool JobWaiter::finish(Entry& entry) {
    // The error and the result may be announced after the state.
    entry.job = bus_.properties(entry.path, Job::INTERFACE_NAME);
    const auto state = text_at(entry.job, "State");
    if (state == "done") {
        tell_outcome(entry.subject, entry.job);
        return !entry.done || entry.done(entry.job);
    }
    const auto doing = job_words(text_at(entry.job, "Kind")).infinitive + " " + entry.subject;
    Program::report(doing, state == "cancelled" ? "cancelled" : why_failed(entry.job));
    return false;
}

void JobWaiter::interrupt() {
    abandoned_ = interrupted_;
    interrupted_ = true;
    line_.clear();
    for (const auto& entry : entries_) {
        if (entry.finished) continue;
        const auto number = last_part(entry.path);
        if (abandoned_) {
            fmt::print(stderr, "Job {} goes on without you.\n", number);
            continue;
        }
        try {
            Job(bus_.connection(), entry.path).Cancel({});
            fmt::print(stderr, "Cancelling; Ctrl-C again to leave job {} alone.\n", number);
        } catch (const sdbus::Error& error) {
            fmt::print(stderr, "Job {} cannot be cancelled: {}\nCtrl-C again to leave it alone.\n", number,
                       printable_lines(explain(error)));
        }
    }
}

void JobWaiter::show() {
    const auto now = RateMeter::Time::clock::now();
    for (auto& entry : entries_) entry.meter.add(number_at(entry.job, "Processed"), now);
    const auto first = std::find_if(entries_.begin(), entries_.end(), [](const Entry& e) { return !e.finished; });
    const auto number = left() == 1 ? "" : fmt::format("{} jobs left; ", left());
    const auto gerund = printable(job_words(text_at(first->job, "Kind")).gerund);
    line_.show(fmt::format("{}{} {}", number, gerund, first->subject), first->job,
               {elapsed(first->job), first->meter.rate()});
}

std::size_t JobWaiter::left() const {
    return static_cast<std::size_t>(
        std::count_if(entries_.begin(), entries_.end(), [](const Entry& entry) { return !entry.finished; }));
}

}  // namespace virtbusctl
