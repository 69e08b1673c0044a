// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/jobs.h"

#include "base/clock.h"
#include "base/log.h"

#include <fmt/format.h>
#include <asio/steady_timer.hpp>

#include <algorithm>

namespace virtbus {

namespace {

constexpr std::uint32_t running_most = 64;
constexpr std::size_t ended_most = 100;
constexpr std::chrono::minutes ended_stay{10};

void log_end(const JobStatus& job) {
    const auto* machine = std::get_if<MachineRef>(&job.subject);
    log::info(fmt::format("job {} ({} {}) {}{}{}", job.number, to_string(job.kind), to_string(job.subject),
                          to_string(job.state), job.error ? ": " : "", job.error ? job.error->what() : ""),
              {{"VIRTBUS_JOB", std::to_string(job.number)},
               {"VIRTBUS_UUID", machine != nullptr ? machine->uuid.text() : ""}});
}

}  // namespace

std::string_view to_string(JobKind kind) {
    switch (kind) {
        case JobKind::start: return "start";
        case JobKind::shutdown: return "shutdown";
        case JobKind::save: return "save";
        case JobKind::refresh: return "refresh";
        case JobKind::create: return "create";
        case JobKind::import_image: return "import";
        case JobKind::clone: return "clone";
        case JobKind::convert: return "convert";
        case JobKind::resize: return "resize";
        case JobKind::flatten: return "flatten";
        case JobKind::rebase: return "rebase";
        case JobKind::export_image: return "export";
        case JobKind::wipe: return "wipe";
        case JobKind::check: return "check";
        case JobKind::remove: return "delete";
        case JobKind::machine_id_refresh: return "machine-id-refresh";
        case JobKind::machine_id_assign: return "machine-id-assign";
        case JobKind::machine_id_regenerate: return "machine-id-regenerate";
        case JobKind::machine_id_seal: return "machine-id-seal";
        case JobKind::machine_id_audit: return "machine-id-audit";
        case JobKind::run: return "run";
        case JobKind::restore: return "restore";
        case JobKind::migration_in: return "migration-in";
        case JobKind::migration_out: return "migration-out";
        case JobKind::snapshot: return "snapshot";
        case JobKind::snapshot_revert: return "snapshot-revert";
        case JobKind::snapshot_delete: return "snapshot-delete";
        case JobKind::dump: return "dump";
        case JobKind::backup: return "backup";
    }
    return "";
}

std::string_view to_string(JobState state) {
    switch (state) {
        case JobState::running: return "running";
        case JobState::done: return "done";
        case JobState::failed: return "failed";
        case JobState::cancelled: return "cancelled";
    }
    return "";
}

class Jobs::Job final : public JobControl {
public:
    Job(Jobs& jobs, JobStatus initial) : status(std::move(initial)), forget(jobs.loop_), jobs_(jobs) {}

    [[nodiscard]] std::uint64_t number() const override { return status.number; }
    void set_progress(std::uint64_t processed, std::uint64_t total, std::uint64_t remaining_usec) override {
        const auto before = status;
        status.processed = processed;
        status.total = total;
        status.remaining = remaining_usec;
        const double ratio = total == 0 ? -1 : static_cast<double>(processed) / static_cast<double>(total);
        status.progress = std::min(ratio, 1.0);
        jobs_.changed(before, status);
    }
    void set_share(double done) override {
        const auto before = status;
        status.progress = std::clamp(done, 0.0, 1.0);
        jobs_.changed(before, status);
    }
    void set_result(const std::string& key, const JobValue& value) override { status.result[key] = value; }
    void on_cancel(std::function<void()> stop) override {
        stop_ = std::move(stop);
        if (cancelled_) stop_();
    }
    [[nodiscard]] bool is_cancelled() const override { return cancelled_; }

    void cancel() {
        if (std::exchange(cancelled_, true)) return;
        if (stop_) stop_();
    }

    /// Its status stays for some minutes; what its work held, such as descriptors, does not.
    void let_go() { stop_ = nullptr; }

    JobStatus status;
    asio::steady_timer forget;  ///< when the ended job goes

private:
    Jobs& jobs_;
    std::function<void()> stop_;
    bool cancelled_ = false;
};

std::uint64_t Jobs::start(const JobPlan& plan, Work work) {
    // What others do, such as a backup of all machines, keeps nobody here from working; nor is more of it watched.
    const auto of_others = running_of(no_job_owner);
    if ((plan.owner == no_job_owner ? of_others : running() - of_others) >= running_most)
        throw Error(Code::busy, fmt::format("{} jobs are running; try again when some have ended", running_most));
    const bool has_limit = plan.owner != 0 && plan.owner != no_job_owner;
    if (has_limit && running_of(plan.owner) >= most_for_one_)
        throw Error(Code::limits_exceeded,
                    fmt::format("{} jobs of uid {} are running, and more are not allowed (limits.jobs of "
                                "virtbusd's configuration): wait for one to end, or cancel one",
                                running_of(plan.owner), plan.owner));
    const auto number = last_number_ + 1;
    auto claim = claims_.take(fmt::format("job {} ({})", number, to_string(plan.kind)), plan.changes, plan.reads);

    JobStatus status;
    status.number = ++last_number_;
    status.kind = plan.kind;
    status.subject = plan.subject;
    status.owner = plan.owner;
    status.started = now_usec();
    const auto job = std::make_shared<Job>(*this, status);
    jobs_[status.number] = job;
    if (observer_ != nullptr) observer_->job_added(status);
    spawn(loop_, run(job, std::move(work), std::move(claim)), fmt::format("job {}", status.number));
    return status.number;
}

Task<> Jobs::run(std::shared_ptr<Job> job, Work work, Claims::Claim claim) {
    JobState state = JobState::done;
    std::optional<Error> failure;
    try {
        co_await work(*job);
    } catch (const Error& error) {
        state = error.code() == Code::cancelled ? JobState::cancelled : JobState::failed;
        failure = error;
    } catch (const std::exception& error) {
        state = JobState::failed;
        failure = Error(Code::internal, error.what());
    } catch (...) {
        state = JobState::failed;
        failure = Error(Code::internal, "a defect of virtbus");
    }
    claim.reset();  // whoever hears of its end may go on with what it worked on
    end(*job, state, std::move(failure));
}

void Jobs::end(Job& job, JobState state, std::optional<Error> error) {
    job.let_go();
    const auto before = job.status;
    job.status.state = state;
    job.status.cancellable = false;
    job.status.remaining = 0;
    if (state == JobState::done) job.status.progress = 1;
    if (state == JobState::failed) job.status.error = std::move(error);
    log_end(job.status);
    changed(before, job.status);

    job.forget.expires_after(ended_stay);
    job.forget.async_wait([this, number = job.status.number](const asio::error_code& error_code) {
        if (error_code) return;
        forget(number);
    });
    ended_.push_back(job.status.number);
    if (ended_.size() > ended_most) forget(ended_.front());
}

void Jobs::forget(std::uint64_t number) {
    std::erase(ended_, number);
    const auto node = jobs_.extract(number);
    if (!node.empty() && observer_ != nullptr) observer_->job_removed(node.mapped()->status);
}

void Jobs::cancel(std::uint64_t number) {
    const auto found = jobs_.find(number);
    if (found == jobs_.end() || found->second->status.state != JobState::running)
        throw Error(Code::invalid_state, fmt::format("job {} has ended", number));
    if (!found->second->status.cancellable)
        throw Error(Code::invalid_state, fmt::format("job {} cannot be cancelled any more", number));
    found->second->cancel();
}

void Jobs::stop() {
    for (const auto& [number, job] : jobs_)
        if (job->status.state == JobState::running && job->status.owner != no_job_owner) job->cancel();
}

void Jobs::refuse_any_on(const std::string& hypervisor) const {
    for (const auto& [number, job] : jobs_)
        if (job->status.state == JobState::running && hypervisor_of(job->status.subject) == hypervisor)
            throw Error(Code::machine_busy, fmt::format("job {} ({} {}) is running; wait for it or cancel it", number,
                                                        to_string(job->status.kind), to_string(job->status.subject)));
    claims_.refuse_any([&](const ObjectRef& object) { return hypervisor_of(object) == hypervisor; });
}

void Jobs::cancel_all_on(const std::string& hypervisor) {
    for (const auto& [number, job] : jobs_)
        if (job->status.state == JobState::running && job->status.owner != no_job_owner &&
            hypervisor_of(job->status.subject) == hypervisor)
            job->cancel();
}

const JobStatus* Jobs::find(std::uint64_t number) const {
    const auto found = jobs_.find(number);
    return found == jobs_.end() ? nullptr : &found->second->status;
}

std::vector<JobStatus> Jobs::list() const {
    std::vector<JobStatus> list;
    for (const auto& [number, job] : jobs_) list.push_back(job->status);
    return list;
}

std::size_t Jobs::running_of(std::uint32_t owner) const {
    return static_cast<std::size_t>(std::count_if(jobs_.begin(), jobs_.end(), [owner](const auto& entry) {
        return entry.second->status.state == JobState::running && entry.second->status.owner == owner;
    }));
}

std::uint32_t Jobs::running() const {
    return static_cast<std::uint32_t>(std::count_if(
        jobs_.begin(), jobs_.end(), [](const auto& entry) { return entry.second->status.state == JobState::running; }));
}

void Jobs::changed(const JobStatus& before, const JobStatus& after) {
    if (observer_ != nullptr) observer_->job_changed(before, after);
}

}  // namespace virtbus
