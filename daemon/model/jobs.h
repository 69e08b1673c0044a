// SPDX-License-Identifier: LGPL-2.1-or-later
// Work that takes longer than a call should: numbered, with progress, a way to cancel it, and a result that stays
// readable for a while. Main thread only.
#pragma once

#include "base/task.h"
#include "model/claims.h"
#include "model/error.h"
#include "model/object_ref.h"
#include "model/user_limits.h"

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace virtbus {

enum class JobKind {
    start,
    shutdown,
    save,
    refresh,
    create,
    import_image,
    clone,
    convert,
    resize,
    flatten,
    rebase,
    export_image,
    wipe,
    check,
    remove,
    machine_id_refresh,
    machine_id_assign,
    machine_id_regenerate,
    machine_id_seal,
    machine_id_audit,
    run,
    // Only ever begun by others than us:
    restore,
    migration_in,
    migration_out,
    snapshot,
    snapshot_revert,
    snapshot_delete,
    dump,
    backup,
};
enum class JobState { running, done, failed, cancelled };

std::string_view to_string(JobKind kind);
std::string_view to_string(JobState state);

/// Objects that have something in common, and what that is.
struct ObjectGroup {
    std::string name;
    std::vector<ObjectRef> objects;

    bool operator==(const ObjectGroup&) const = default;
};

/// What a job gives when it is done.
using JobValue = std::variant<std::string, std::uint64_t, bool, ObjectRef, std::vector<ObjectGroup>>;

/// The owner of jobs that were not begun here.
constexpr std::uint32_t no_job_owner = UINT32_MAX;

/// What a job is going to be.
struct JobPlan {
    JobKind kind = JobKind::start;
    ObjectRef subject;
    std::uint32_t owner = no_job_owner;
    std::vector<ObjectRef> changes;  ///< nobody else may work on these meanwhile
    std::vector<ObjectRef> reads;    ///< nobody else may change these meanwhile
};

/// A job as the bus shows it: a plain value, in the words of org.virtbus1.Job.xml.
struct JobStatus {
    std::uint64_t number = 0;
    JobKind kind = JobKind::start;
    ObjectRef subject;
    std::uint32_t owner = no_job_owner;
    std::uint64_t started = 0;
    JobState state = JobState::running;
    double progress = -1;
    std::uint64_t processed = 0;
    std::uint64_t total = 0;
    std::uint64_t remaining = 0;
    bool cancellable = true;
    std::optional<Error> error;
    std::map<std::string, JobValue> result;
};

/// What the work of a job holds in its hands.
class JobControl {
public:
    virtual ~JobControl() = default;
    [[nodiscard]] virtual std::uint64_t number() const = 0;
    virtual void set_progress(std::uint64_t processed, std::uint64_t total, std::uint64_t remaining_usec) = 0;
    /// Of work that is not counted in bytes: which part of it is done, 0 to 1.
    virtual void set_share(double done) = 0;
    virtual void set_result(const std::string& key, const JobValue& value) = 0;
    /// Called once when somebody wants the job to stop; the work then throws Error cancelled soon, or ends.
    virtual void on_cancel(std::function<void()> stop) = 0;
    [[nodiscard]] virtual bool is_cancelled() const = 0;
};

class JobsObserver {
public:
    virtual ~JobsObserver() = default;
    virtual void job_added(const JobStatus& job) = 0;
    virtual void job_changed(const JobStatus& before, const JobStatus& after) = 0;
    virtual void job_removed(const JobStatus& job) = 0;
};

class Jobs {
public:
    using Work = std::function<Task<>(JobControl&)>;

    /// `most_for_one`: how many of one owner may run; of root's any number.
    explicit Jobs(asio::io_context& loop, std::size_t most_for_one = Limits::none().jobs)
        : loop_(loop), most_for_one_(most_for_one) {}

    void observe(JobsObserver* observer) { observer_ = observer; }

    /// Begins `work`; its number. Error machine_busy or in_use when somebody works on what it claims, busy when too
    /// many run, limits_exceeded when too many of the owner do. It is done when `work` returns, cancelled when it
    /// throws Error cancelled, failed when it throws another.
    std::uint64_t start(const JobPlan& plan, Work work);

    /// What jobs work on: for calls that must not meet one.
    Claims& claims() { return claims_; }

    /// Asks every running job that was begun here to stop: the daemon ends.
    void stop();

    /// Asks a job to stop. Error invalid_state when it has ended.
    void cancel(std::uint64_t number);

    /// Error machine_busy or in_use when a job, or a call that must not meet one, works on something of the hypervisor.
    void refuse_any_on(const std::string& hypervisor) const;
    /// Asks the jobs to stop that work on something of it, and were begun here.
    void cancel_all_on(const std::string& hypervisor);

    [[nodiscard]] const JobStatus* find(std::uint64_t number) const;
    /// Oldest first.
    [[nodiscard]] std::vector<JobStatus> list() const;
    [[nodiscard]] std::uint32_t running() const;
    [[nodiscard]] std::size_t running_of(std::uint32_t owner) const;

private:
    class Job;

    Task<> run(std::shared_ptr<Job> job, Work work, Claims::Claim claim);
    void end(Job& job, JobState state, std::optional<Error> error);
    void changed(const JobStatus& before, const JobStatus& after);
    void forget(std::uint64_t number);

    asio::io_context& loop_;
    std::size_t most_for_one_;
    JobsObserver* observer_ = nullptr;
    Claims claims_;
    std::map<std::uint64_t, std::shared_ptr<Job>> jobs_;
    std::deque<std::uint64_t> ended_;  // those of jobs_ that have, in the order of their ends
    std::uint64_t last_number_ = 0;
};

}  // namespace virtbus
