// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/image_work.h"

#include "base/clock.h"
#include "base/log.h"
#include "model/aside.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>

namespace virtbus {

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr auto progress_interval = 250ms;

/// A terabyte over a slow network: the job shows that it goes on, and can be cancelled.
constexpr auto transfer_patience = 24h * 30;

/// How long what is new may take to show, after it was made.
constexpr auto show_patience = 90s;
constexpr auto show_interval = 1s;

/// The time of a file is believed when it lies so far back; longer than what Hypervisor::read_pool() doubts.
constexpr std::chrono::microseconds age_known = 3s;

std::uint64_t remaining_usec(const Transfer& transfer, Clock::duration elapsed) {
    const auto processed = transfer.processed();
    const auto total = transfer.total();
    if (processed == 0 || total <= processed) return 0;
    const auto usec = static_cast<double>(std::chrono::duration_cast<std::chrono::microseconds>(elapsed).count());
    constexpr double an_age = 1e18;  // what comes of a few bytes in a long time fits no number
    return static_cast<std::uint64_t>(
        std::min(usec * static_cast<double>(total - processed) / static_cast<double>(processed), an_age));
}

void show(JobControl& job, const Transfer& transfer, Counts counts, std::uint64_t remaining) {
    const auto processed = transfer.processed();
    const auto total = transfer.total();
    switch (counts) {
        case Counts::bytes: return job.set_progress(processed, total, remaining);
        case Counts::steps:
            return job.set_share(total == 0 ? 0 : static_cast<double>(processed) / static_cast<double>(total));
        case Counts::nothing: return;
    }
}

/// Returns when a file that has not changed after `time` can be told from all that have.
Task<> await_age(asio::io_context& loop, std::uint64_t time) {
    const auto now = now_usec();
    if (now < time)
        throw Error(Code::failed,
                    "the clock was set back since, and what has changed cannot be told: set it right, "
                    "and start virtbusd again");
    const std::chrono::microseconds age(now - time);
    if (age < age_known) co_await let_pass(loop, age_known - age);
}

/// Looks again, and again after a while should libvirt be away or busy, until it is there.
Task<> await_shown(asio::io_context& loop, std::string what, std::function<Task<>()> look,
                   std::function<bool()> is_there) {
    const auto end = Clock::now() + show_patience;
    std::string why = "libvirt does not list it";
    for (;;) {
        try {
            co_await look();
            if (is_there()) co_return;  // what it has replaced may have been there before
        } catch (const Error& error) {
            why = error.what();
        }
        if (Clock::now() >= end) break;
        co_await let_pass(loop, show_interval);
    }
    throw Error(Code::timeout, fmt::format("{} is made, but does not show yet: {}", what, why));
}

}  // namespace

Task<> transfer(std::shared_ptr<Hypervisor> hypervisor, JobControl& job, std::function<void(Port&, Transfer&)> work,
                Counts counts, Lane lane) {
    const auto progress = std::make_shared<Transfer>();
    const auto begun = std::make_shared<std::atomic<bool>>(false);
    job.on_cancel([progress] { progress->cancel(); });
    auto call = [progress, begun, work = std::move(work)](Port& port) {
        *begun = true;
        progress->refuse_cancelled();
        work(port, *progress);
    };
    const auto aside = run_aside(hypervisor->loop(), hypervisor->run(lane, std::move(call), transfer_patience));
    auto start = Clock::now();
    for (;;) {
        const bool done = co_await aside->done.wait(progress_interval);
        if (done) break;
        // Others have all threads of the lane, and it need not wait for one.
        if (job.is_cancelled() && !*begun) throw Error(Code::cancelled, "cancelled");
        if (progress->processed() == 0) start = Clock::now();
        show(job, *progress, counts, remaining_usec(*progress, Clock::now() - start));
    }
    if (!aside->failure) {
        const auto all = std::max<std::uint64_t>(progress->total(), counts == Counts::steps ? 1 : 0);
        progress->at(all, all);
        show(job, *progress, counts, 0);
        co_return;
    }
    if (job.is_cancelled()) throw Error(Code::cancelled, "cancelled");
    std::rethrow_exception(aside->failure);
}

Task<Draft> begin_draft(JobJournal& journal, const JobControl& job, std::string job_text, NewFile file,
                        std::optional<MachineRef> machine) {
    file.temporary = fmt::format("{}{}-{}", temporary_prefix, job.number(), Uuid::random().text().substr(0, 8));
    JobJournal::Entry entry{std::move(job_text), file.directory, file.temporary, std::move(machine), file.name};
    auto line = co_await journal.begin(std::move(entry));
    co_return Draft{std::move(file), std::move(line), false};
}

Task<> remove_untouched(std::shared_ptr<Hypervisor> hypervisor, std::string directory, std::string name,
                        std::uint64_t time) {
    auto& storage = hypervisor->storage();
    co_await storage.listed().wait();
    co_await await_age(hypervisor->loop(), time);
    const auto pools = storage.pools();
    const auto is_its = [&](const PoolPtr& each) { return each->path == directory; };
    const auto pool = std::find_if(pools.begin(), pools.end(), is_its);
    if (pool == pools.end()) throw Error(Code::no_such_pool, "there is no pool at " + directory);
    co_await storage.refreshed((*pool)->name, true);
    const auto image = storage.find_image((*pool)->name, name);
    if (!image) co_return;
    const auto changed = static_cast<std::uint64_t>(image->stamp.changed / 1'000);
    // Without a time it is no file, or one that has changed a moment ago.
    if (changed == 0 || changed > time || !storage.machines(*image).empty()) {
        log::warning(fmt::format("image {}/{} is left: somebody has it by now", image->pool, name));
        co_return;
    }
    auto work = [image](Port& port) { port.storage().delete_image(image->pool, image->name); };
    co_await hypervisor->run(Lane::work, std::move(work));
    storage.look_again(image->pool);
}

Task<> show_image(std::shared_ptr<Hypervisor> hypervisor, std::string pool, std::string name) {
    auto& storage = hypervisor->storage();
    auto what = fmt::format("image {}/{}", pool, name);
    auto look = [&] { return storage.refreshed(pool, true); };
    auto is_there = [&] { return storage.find_image(pool, name) != nullptr; };
    co_await await_shown(hypervisor->loop(), std::move(what), std::move(look), std::move(is_there));
}

Task<> show_machine(std::shared_ptr<Hypervisor> hypervisor, Uuid uuid) {
    auto& inventory = hypervisor->inventory();
    auto what = "machine " + uuid.text();
    auto look = [&] { return inventory.refreshed(uuid); };
    auto is_there = [&] { return inventory.find(uuid) != nullptr; };
    co_await await_shown(hypervisor->loop(), std::move(what), std::move(look), std::move(is_there));
}

}  // namespace virtbus
