// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/machine_jobs.h"

#include "base/log.h"
#include "model/aside.h"

#include <fmt/format.h>

#include <atomic>

namespace virtbus {

namespace {

using namespace std::chrono_literals;

constexpr auto job_interval = 500ms;

/// An emulator that hangs lets libvirt's calls hang as well: whoever does not answer by then is not asked again.
constexpr auto progress_patience = 5s;

/// A saved machine may have terabytes: the job shows that it goes on, and can be cancelled.
constexpr auto memory_patience = 24h;

bool is_off(const Machine* machine) { return machine == nullptr || !is_active(machine->state); }

/// Shows the job as the machine's CurrentJob while it works.
class Working {
public:
    Working(Hypervisor& hypervisor, const Uuid& uuid, const JobControl& job) : hypervisor_(hypervisor), uuid_(uuid) {
        hypervisor_.inventory().set_current_job(uuid_, job.number());
    }
    ~Working() { hypervisor_.inventory().set_current_job(uuid_, 0); }
    Working(const Working&) = delete;
    Working& operator=(const Working&) = delete;

private:
    Hypervisor& hypervisor_;
    Uuid uuid_;
};

/// Runs `work`, one long libvirt call on the machine, and meanwhile shows how far libvirt's job on it has come.
template <typename Work>
Task<> with_progress(std::shared_ptr<Hypervisor> hypervisor, Uuid uuid, JobControl& job, Work work) {
    const Working working(*hypervisor, uuid, job);
    auto& loop = hypervisor->loop();
    // While the call still waits for a thread there is nothing to abort: then it must not begin.
    const auto wanted = std::make_shared<std::atomic<bool>>(true);
    auto unless_cancelled = [wanted, work = std::move(work)](Port& port) {
        if (!*wanted) throw Error(Code::cancelled, "cancelled");
        work(port);
    };
    // One at a time: an emergency stop needs the lane as well.
    const auto abort = [&loop, hypervisor, uuid, last = std::make_shared<std::shared_ptr<Aside>>()] {
        if (*last && !(*last)->done.is_set()) return;
        *last = run_aside(loop, hypervisor->run(
                                    Lane::control, [uuid](Port& port) { port.abort_job(uuid); }, memory_patience));
    };
    job.on_cancel([wanted, abort] {
        *wanted = false;
        abort();
    });
    const auto aside = run_aside(loop, hypervisor->run(Lane::work, std::move(unless_cancelled), memory_patience));
    bool answers = true;
    for (;;) {
        const bool done = co_await aside->done.wait(job_interval);
        if (done) break;
        if (job.is_cancelled()) abort();  // it may have begun just after the first attempt
        if (!answers) continue;
        try {
            const auto progress = co_await hypervisor->run(
                Lane::query, [uuid](Port& port) { return port.job_progress(uuid); }, progress_patience);
            if (progress) job.set_progress(progress->processed, progress->total, progress->remaining_usec);
        } catch (const Error& error) {
            // The machine or the connection may be going; the call itself will say.
            answers = error.code() != Code::timeout;
        }
    }
    if (aside->failure) {
        if (job.is_cancelled()) throw Error(Code::cancelled, "cancelled");
        std::rethrow_exception(aside->failure);
    }
    co_await hypervisor->inventory().refreshed(uuid);
}

Task<> shut_down(std::shared_ptr<Hypervisor> hypervisor, Uuid uuid, ShutdownPlan plan, JobControl& job) {
    const Working working(*hypervisor, uuid, job);
    const auto off = hypervisor->inventory().watch(uuid, is_off);
    job.on_cancel([off] { off->done.set(); });
    co_await hypervisor->run(Lane::work, [uuid, mode = plan.mode](Port& port) { port.shutdown(uuid, mode); });

    const bool woken = co_await off->done.wait(plan.timeout);
    if (job.is_cancelled()) throw Error(Code::cancelled, "cancelled");
    if (woken) {
        job.set_result("outcome", std::string("shut-off"));
        co_return;
    }
    switch (plan.on_timeout) {
        case OnTimeout::fail:
            throw Error(Code::timeout,
                        fmt::format("the guest did not shut down within {} s; PowerOff ends it without asking",
                                    std::chrono::duration_cast<std::chrono::seconds>(plan.timeout).count()));
        case OnTimeout::power_off:
            co_await hypervisor->run(Lane::control, [uuid](Port& port) { port.power_off(uuid, false); });
            co_await hypervisor->inventory().refreshed(uuid);
            job.set_result("outcome", std::string("powered-off"));
            co_return;
        case OnTimeout::leave: job.set_result("outcome", std::string("still-running")); co_return;
    }
}

/// Follows a job that somebody else began, until libvirt has none.
Task<> follow(std::shared_ptr<Hypervisor> hypervisor, Uuid uuid, JobControl& job) {
    const Working working(*hypervisor, uuid, job);
    job.on_cancel([hypervisor, uuid] {
        spawn(hypervisor->loop(), hypervisor->run(Lane::control, [uuid](Port& port) { port.abort_job(uuid); }),
              "cancelling a job");
    });
    for (;;) {
        const auto progress =
            co_await hypervisor->run(Lane::query, [uuid](Port& port) { return port.job_progress(uuid); });
        if (!progress) break;
        job.set_progress(progress->processed, progress->total, progress->remaining_usec);
        co_await let_pass(hypervisor->loop(), job_interval);
    }
    co_await hypervisor->inventory().refreshed(uuid);
    if (job.is_cancelled()) throw Error(Code::cancelled, "cancelled");
}

/// The kinds of jobs that take their time.
std::optional<JobKind> long_kind(std::string_view word) {
    for (const auto kind :
         {JobKind::save, JobKind::restore, JobKind::migration_in, JobKind::migration_out, JobKind::snapshot,
          JobKind::snapshot_revert, JobKind::snapshot_delete, JobKind::dump, JobKind::backup})
        if (to_string(kind) == word) return kind;
    return std::nullopt;
}

}  // namespace

void adopt_job(Jobs& jobs, std::shared_ptr<Hypervisor> hypervisor, const Machine& machine) {
    const auto kind = long_kind(machine.libvirt_job);
    if (!kind) return;
    const MachineRef subject{hypervisor->name(), machine.uuid};
    const auto work = [hypervisor, uuid = machine.uuid](JobControl& job) { return follow(hypervisor, uuid, job); };
    try {
        jobs.start({*kind, subject, no_job_owner, {subject}, {}}, work);
    } catch (const Error& error) {
        if (error.code() != Code::machine_busy) log::info(fmt::format("a job is not shown: {}", error.what()));
    }
}

void JobAdopter::added(const std::shared_ptr<Hypervisor>& hypervisor) {
    hypervisor->inventory().on_job_begun([&jobs = jobs_, weak = std::weak_ptr(hypervisor)](const Machine& machine) {
        adopt_job(jobs, weak.lock(), machine);
    });
}

void JobAdopter::removed(const std::shared_ptr<Hypervisor>& hypervisor) {
    hypervisor->inventory().on_job_begun({});
    jobs_.cancel_all_on(hypervisor->name());
}

Jobs::Work shutdown_work(std::shared_ptr<Hypervisor> hypervisor, Uuid uuid, ShutdownPlan plan) {
    return [=](JobControl& job) { return shut_down(hypervisor, uuid, plan, job); };
}

Jobs::Work save_work(std::shared_ptr<Hypervisor> hypervisor, Uuid uuid) {
    return
        [=](JobControl& job) { return with_progress(hypervisor, uuid, job, [uuid](Port& port) { port.save(uuid); }); };
}

Jobs::Work restore_work(std::shared_ptr<Hypervisor> hypervisor, Uuid uuid, StartOptions options, Claims::Claim claim) {
    return [=](JobControl& job) {
        static_cast<void>(claim);  // the work keeps it until it has ended
        return with_progress(hypervisor, uuid, job, [uuid, options](Port& port) { port.start(uuid, options); });
    };
}

}  // namespace virtbus
