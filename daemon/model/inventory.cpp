// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/inventory.h"

#include "base/clock.h"
#include "base/log.h"
#include "model/error.h"
#include "model/observed_events.h"

#include <fmt/format.h>

#include <algorithm>

namespace virtbus {

namespace {

/// How many machines one read takes at most: an event that comes meanwhile waits for the rest of its batch.
constexpr std::size_t batch_size = 64;

/// Longer than keepalive takes to find a dead connection, so that callers hear the real reason.
constexpr std::chrono::seconds refresh_patience{60};

/// When what could not be read is read again; twice as long each time.
constexpr std::chrono::seconds first_retry{1};
constexpr std::chrono::seconds last_retry{60};

/// A pause and its end come often and have a short way; what was paused to be saved or migrated is read as a whole.
bool changes_state_only(const LifecycleEvent& event) {
    return event == LifecycleEvent{"suspended", "paused"} || event == LifecycleEvent{"resumed", "unpaused"};
}

/// libvirt shows a machine as paused while its emulator starts, and should that end now, it tells nothing.
bool is_starting(const Machine& machine) {
    return machine.state == MachineState::paused && machine.state_reason == "starting-up";
}

bool is_disconnected(const std::exception_ptr& failure) {
    try {
        std::rethrow_exception(failure);
    } catch (const Error& error) {
        return error.code() == Code::disconnected;
    } catch (...) {
        return false;
    }
}

}  // namespace

Inventory::Inventory(asio::io_context& loop, InventorySource& source)
    : loop_(loop),
      source_(source),
      retry_interval_(first_retry),
      listed_(loop.get_executor()),
      work_(loop.get_executor()),
      next_generation_(now_usec()) {}

Task<> Inventory::run() {
    while (!stopping_) {
        co_await work_.wait(until_retry());
        work_.reset();
        retry();
        while (!stopping_ && (relist_due_ || !order_.empty())) {
            if (relist_due_)
                co_await read_all();
            else
                co_await read_due();
        }
    }
}

void Inventory::stop() {
    stopping_ = true;
    for (const auto& [uuid, due] : due_) due.waiters.release(not_served());
    due_.clear();
    order_.clear();
    listed_.set();
    work_.set();
}

void Inventory::read_later(const Uuid& uuid, const std::exception_ptr& failure) {
    if (!is_disconnected(failure)) read_later(uuid);
}

void Inventory::read_later(const Uuid& uuid) {
    postpone();
    unread_.insert(uuid);
}

void Inventory::list_later(const std::exception_ptr& failure) {
    if (is_disconnected(failure)) return;
    postpone();
    unlisted_ = true;
}

void Inventory::postpone() {
    if (unlisted_ || !unread_.empty()) return;
    retry_at_ = std::chrono::steady_clock::now() + retry_interval_;
    retry_interval_ = std::min(retry_interval_ * 2, last_retry);
}

std::chrono::steady_clock::duration Inventory::until_retry() const {
    using std::chrono::steady_clock;
    if (!unlisted_ && unread_.empty()) return steady_clock::duration::max();
    return std::max(retry_at_ - steady_clock::now(), steady_clock::duration::zero());
}

void Inventory::retry() {
    if (until_retry() > std::chrono::steady_clock::duration::zero()) return;
    for (const auto& uuid : std::exchange(unread_, {})) due(uuid);
    if (std::exchange(unlisted_, false)) relist(false);
}

Inventory::Due& Inventory::due(const Uuid& uuid, bool whole) {
    const auto [entry, is_new] = due_.try_emplace(uuid);
    if (is_new) order_.push_back(uuid);
    entry->second.whole |= whole;
    work_.set();
    return entry->second;
}

void Inventory::touch(const Uuid& uuid) { due(uuid); }

void Inventory::happened(const Uuid& uuid, const LifecycleEvent& event) {
    // It may be read only when it runs again; what it had before is not its any more.
    if (event.event == "started" || event.event == "stopped") show_addresses(uuid, {}, 0);
    events_.emplace_back(uuid, event);
    due(uuid, !changes_state_only(event));
}

void Inventory::relist(bool announce) {
    relist_due_ = true;
    announce_due_ = announce_due_ || announce;
    work_.set();
}

Task<> Inventory::refreshed(Uuid uuid) { return await_reading(uuid, Waiters::Until::read); }

Task<> Inventory::settled(Uuid uuid) {
    if (find(uuid)) co_await await_reading(uuid, Waiters::Until::read_or_gone);
}

Task<> Inventory::await_reading(Uuid uuid, Waiters::Until until) {
    if (stopping_) std::rethrow_exception(not_served());
    co_await due(uuid).waiters.join(loop_, refresh_patience, until);
}

MachinePtr Inventory::find(const Uuid& uuid) const {
    const auto found = machines_.find(uuid);
    return found == machines_.end() ? nullptr : found->second;
}

std::shared_ptr<Inventory::Watch> Inventory::watch(const Uuid& uuid, std::function<bool(const Machine*)> is_so) {
    const auto watch = std::make_shared<Watch>(Watch{uuid, std::move(is_so), Latch(loop_.get_executor())});
    watches_.push_back(watch);
    check_watches(uuid);
    return watch;
}

void Inventory::check_watches(const Uuid& uuid) {
    std::erase_if(watches_, [](const auto& watch) { return watch.expired(); });
    const auto machine = find(uuid);
    for (const auto& entry : watches_)
        if (const auto watch = entry.lock(); watch && watch->uuid == uuid && watch->is_so(machine.get()))
            watch->done.set();
}

void Inventory::set_current_job(const Uuid& uuid, std::uint64_t job) {
    const auto before = find(uuid);
    if (!before || before->current_job == job) return;
    Machine after = *before;
    after.current_job = job;
    replace(before, std::move(after));
}

void Inventory::set_addresses(const Uuid& uuid, std::vector<Address> addresses) {
    const auto machine = find(uuid);
    if (machine && is_active(machine->state)) show_addresses(uuid, std::move(addresses), now_usec());
}

void Inventory::show_addresses(const Uuid& uuid, std::vector<Address> addresses, std::uint64_t found) {
    const auto before = find(uuid);
    if (!before) return;
    Machine after = *before;
    after.addresses = std::move(addresses);
    after.addresses_found = found;
    replace(before, std::move(after));
}

Inventory::Batch Inventory::take(std::size_t most) {
    Batch batch;
    batch.events = events_.size();
    while (!order_.empty() && batch.wanted.size() < most) {
        const auto uuid = order_.front();
        auto due = std::move(due_.extract(uuid).mapped());
        batch.wanted.push_back({uuid, due.whole ? nullptr : find(uuid)});
        batch.waiters.push_back(std::move(due.waiters));
        order_.pop_front();
    }
    return batch;
}

Task<> Inventory::read_all() {
    relist_due_ = false;
    const auto batch = take(order_.size());
    MachineListing listing;
    std::exception_ptr failure;
    try {
        listing = co_await source_.list();
    } catch (...) {
        failure = std::current_exception();
    }
    const std::unordered_set<Uuid> unread(listing.unread.begin(), listing.unread.end());
    for (std::size_t i = 0; i < batch.wanted.size(); ++i) {
        const auto& uuid = batch.wanted[i].uuid;
        if (stopping_ || !unread.contains(uuid))
            batch.waiters[i].release(failure);
        else
            due(uuid).waiters.add(batch.waiters[i]);
    }
    if (failure) {
        list_later(failure);
        co_return;  // the events wait for the next listing
    }
    unread_.clear();
    unlisted_ = false;
    retry_interval_ = first_retry;
    apply_list(std::move(listing), batch.events);
    if (std::exchange(announce_due_, false)) tell([](InventoryObserver& observer) { observer.resynced(); });
}

void Inventory::apply_list(MachineListing listing, std::size_t events) {
    std::unordered_set<Uuid> present(listing.unread.begin(), listing.unread.end());
    for (const auto& uuid : listing.unread) due(uuid);
    for (auto& machine : listing.machines) {
        const Uuid uuid = machine.uuid;
        present.insert(uuid);
        apply(uuid, std::move(machine), !listed_.is_set());
    }
    tell_events(events);
    std::vector<Uuid> gone;
    for (const auto& [uuid, machine] : machines_)
        if (!present.contains(uuid)) gone.push_back(uuid);
    for (const auto& uuid : gone) apply(uuid, std::nullopt);
    listed_.set();
}

Task<> Inventory::read_due() {
    const auto batch = take(batch_size);
    std::vector<InventorySource::Reading> readings(batch.wanted.size());
    std::exception_ptr failure;
    try {
        readings = co_await source_.read(batch.wanted);
    } catch (...) {
        failure = std::current_exception();
    }
    for (std::size_t i = 0; i < batch.wanted.size(); ++i)
        batch.waiters[i].release(failure ? failure : readings.at(i).failure);
    if (failure) {
        for (const auto& each : batch.wanted) read_later(each.uuid, failure);
        co_return;
    }
    std::vector<Uuid> read;  // the events of the others wait until they are read as well
    std::vector<Uuid> gone;
    for (std::size_t i = 0; i < batch.wanted.size(); ++i) {
        const auto& uuid = batch.wanted[i].uuid;
        auto& reading = readings.at(i);
        if (reading.failure) {
            read_later(uuid, reading.failure);
            continue;
        }
        read.push_back(uuid);
        if (reading.machine)
            apply(uuid, std::move(reading.machine));
        else
            gone.push_back(uuid);
    }
    if (unread_.empty() && !unlisted_) retry_interval_ = first_retry;
    tell_events(batch.events, &read);
    for (const auto& uuid : gone) apply(uuid, std::nullopt);
}

void Inventory::apply(const Uuid& uuid, std::optional<Machine> now, bool first_listing) {
    const auto before = find(uuid);
    if (!now) {
        if (!before) return;
        machines_.erase(uuid);
        by_name_.erase(before);
        check_watches(uuid);
        if (const auto due = due_.find(uuid); due != due_.end()) due->second.waiters.gone();
        tell_observed(uuid, before.get(), nullptr);
        tell([&](InventoryObserver& observer) { observer.removed(before); });
        index_disks(before.get(), nullptr);
        return;
    }
    clean_text(*now);
    if (is_starting(*now)) read_later(uuid);
    if (before) {
        now->state_since = before->state == now->state ? before->state_since : now_usec();
        now->generation = before->definition == now->definition ? before->generation : next_generation_++;
        now->current_job = before->current_job;
        if (is_active(now->state)) {
            now->addresses = before->addresses;
            now->addresses_found = before->addresses_found;
        }
    } else {
        // The first listing cannot tell since when they have been as they are.
        now->state_since = first_listing ? 0 : now_usec();
        now->generation = next_generation_++;
    }
    replace(before, std::move(*now));
}

void Inventory::replace(const MachinePtr& before, Machine after) {
    if (before && *before == after) return;
    const auto machine = std::make_shared<const Machine>(std::move(after));
    machines_[machine->uuid] = machine;
    if (before) by_name_.erase(before);
    by_name_.insert(machine);
    check_watches(machine->uuid);
    tell([&](InventoryObserver& observer) {
        if (before)
            observer.changed(before, machine);
        else
            observer.added(machine);
    });
    if (listed_.is_set()) tell_observed(machine->uuid, before.get(), machine.get());
    index_disks(before.get(), machine.get());
    const bool begun = !machine->libvirt_job.empty() && (!before || before->libvirt_job != machine->libvirt_job);
    if (begun && job_begun_) job_begun_(*machine);
}

void Inventory::tell_observed(const Uuid& uuid, const Machine* before, const Machine* after) const {
    if (!untold_) return;
    for (const auto& event : observed_events(before, after))
        tell([&](InventoryObserver& observer) { observer.happened(uuid, event); });
}

/// What goes wrong where it is shown must not keep the rest from being read.
template <typename Tell>
void Inventory::tell(Tell tell) const {
    for (auto* observer : observers_) {
        try {
            tell(*observer);
        } catch (const std::exception& error) {
            log::error(fmt::format("defect: a difference was not announced: {}", error.what()));
        }
    }
}

void Inventory::tell_events(std::size_t count, const std::vector<Uuid>* only) {
    std::deque<std::pair<Uuid, LifecycleEvent>> later;
    for (std::size_t i = 0; i < events_.size(); ++i) {
        auto& [uuid, event] = events_[i];
        const bool due_now =
            i < count && (only == nullptr || std::find(only->begin(), only->end(), uuid) != only->end());
        if (!due_now)
            later.push_back(std::move(events_[i]));
        else
            tell([&, &it = uuid, &what = event](InventoryObserver& observer) { observer.happened(it, what); });
    }
    events_ = std::move(later);
}

}  // namespace virtbus
