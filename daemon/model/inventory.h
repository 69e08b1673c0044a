// SPDX-License-Identifier: LGPL-2.1-or-later
// The mirror of one hypervisor's machines. Events never change it: they mark a machine dirty, it is read again as a
// whole, and the difference between the old value and the new is what observers hear. The first listing, a reconnect
// and a single event take the same way. Main thread only.
#pragma once

#include "base/latch.h"
#include "base/task.h"
#include "model/machine.h"
#include "model/waiters.h"

#include <chrono>
#include <deque>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

namespace virtbus {

using MachinePtr = std::shared_ptr<const Machine>;

struct ByName {
    using is_transparent = void;
    bool operator()(const MachinePtr& left, const MachinePtr& right) const {
        return std::tie(left->name, left->uuid) < std::tie(right->name, right->uuid);
    }
    bool operator()(const MachinePtr& left, std::string_view right) const { return left->name < right; }
    bool operator()(std::string_view left, const MachinePtr& right) const { return left < right->name; }
};
using MachinesByName = std::set<MachinePtr, ByName>;

/// Where the inventory reads the truth. Both may throw Error disconnected.
class InventorySource {
public:
    struct Reading {
        std::optional<Machine> machine;  ///< nothing: there is no such machine
        std::exception_ptr failure;      ///< or it could not be read
    };

    struct Wanted {
        Uuid uuid;
        MachinePtr known;  ///< not null: it was paused or resumed, and is otherwise as it was
    };

    virtual ~InventorySource() = default;
    virtual Task<MachineListing> list() = 0;
    /// One reading for each that is wanted, in their order.
    virtual Task<std::vector<Reading>> read(std::vector<Wanted> wanted) = 0;
};

/// Hears every difference, in this order for one machine: added or changed, then what happened, then removed.
class InventoryObserver {
public:
    virtual ~InventoryObserver() = default;
    virtual void added(const MachinePtr& machine) = 0;
    virtual void changed(const MachinePtr& before, const MachinePtr& after) = 0;
    virtual void happened(const Uuid& uuid, const LifecycleEvent& event) = 0;
    virtual void removed(const MachinePtr& machine) = 0;
    /// A listing that resync() asked for is complete, and every difference was told.
    virtual void resynced() = 0;
};

class Inventory {
public:
    Inventory(asio::io_context& loop, InventorySource& source);

    /// From now on `observer` hears what changes, until it is ignored.
    void observe(InventoryObserver* observer) { observers_.push_back(observer); }
    void ignore(InventoryObserver* observer) { std::erase(observers_, observer); }

    /// Reads what is dirty, for as long as the daemon lives; started once.
    Task<> run();
    /// Nothing is read any more: who waits for a reading hears that.
    void stop();

    /// This machine may have changed.
    void touch(const Uuid& uuid);
    /// The same, and this happened to it: told after the machine was read.
    void happened(const Uuid& uuid, const LifecycleEvent& event);
    /// Everything may have changed. `announce`: observers hear resynced() when it is done.
    void relist(bool announce);

    /// Returns when the machine has been read after this call: a caller then sees its own write.
    /// Throws what the reading threw, or Error timeout.
    Task<> refreshed(Uuid uuid);
    /// The same, and returns as well when it is gone, which a reading may find that had begun before: for what may have
    /// removed it.
    Task<> settled(Uuid uuid);

    /// Set when all machines have been read once.
    Latch& listed() { return listed_; }

    /// The mirror's value, or nullptr.
    [[nodiscard]] MachinePtr find(const Uuid& uuid) const;
    [[nodiscard]] const std::unordered_map<Uuid, MachinePtr>& machines() const { return machines_; }

    /// The same in the order in which they are listed: thousands take their time to sort.
    [[nodiscard]] const MachinesByName& by_name() const { return by_name_; }

    /// The machines that have a disk on `source`.
    [[nodiscard]] std::vector<MachinePtr> with_disk(const DiskSource& source) const;
    /// `listener` is given what the disks of a machine stood on and stand on now, when they change.
    void on_disks_changed(std::function<void(const std::vector<DiskSource>&)> listener) {
        disks_changed_ = std::move(listener);
    }

    /// Whether nobody tells what happens to machines: then observers hear of what must have happened.
    void set_untold(bool untold) { untold_ = untold; }

    /// `listener` is given a machine on which libvirt has begun a job, whoever asked for it.
    void on_job_begun(std::function<void(const Machine&)> listener) { job_begun_ = std::move(listener); }

    /// Something that a machine is awaited to become. `done` may be set by others too, to end the waiting.
    struct Watch {
        Uuid uuid;
        std::function<bool(const Machine*)> is_so;  ///< is given nullptr when there is no such machine
        Latch done;
    };

    /// Watches until the mirror says `is_so`, or the watch is dropped. `done` is set at once if it is so already.
    std::shared_ptr<Watch> watch(const Uuid& uuid, std::function<bool(const Machine*)> is_so);

    /// Sets Machine::addresses, found just now, unless it is off.
    void set_addresses(const Uuid& uuid, std::vector<Address> addresses);

    /// Sets Machine::current_job, which no port knows.
    void set_current_job(const Uuid& uuid, std::uint64_t job);

private:
    /// That a machine has to be read.
    struct Due {
        Waiters waiters;
        bool whole = false;  ///< not only its state
    };

    /// What one reading serves: all that was owed when it began, and nothing that came later.
    struct Batch {
        std::vector<InventorySource::Wanted> wanted;
        std::vector<Waiters> waiters;  ///< one entry for each that is wanted
        std::size_t events = 0;        ///< how many of events_ had come
    };

    Due& due(const Uuid& uuid, bool whole = true);
    Task<> await_reading(Uuid uuid, Waiters::Until until);
    /// Reads it again after a while: no event may come that asks for it.
    void read_later(const Uuid& uuid);
    /// Not after a lost connection, which the listing of the next one makes good.
    void read_later(const Uuid& uuid, const std::exception_ptr& failure);
    void list_later(const std::exception_ptr& failure);
    void postpone();
    [[nodiscard]] std::chrono::steady_clock::duration until_retry() const;
    void retry();
    Batch take(std::size_t most);
    Task<> read_all();
    Task<> read_due();
    void apply_list(MachineListing listing, std::size_t events);
    void apply(const Uuid& uuid, std::optional<Machine> now, bool first_listing = false);
    void replace(const MachinePtr& before, Machine after);
    void show_addresses(const Uuid& uuid, std::vector<Address> addresses, std::uint64_t found);
    /// As set_untold() says.
    void tell_observed(const Uuid& uuid, const Machine* before, const Machine* after) const;
    void check_watches(const Uuid& uuid);
    void index_disks(const Machine* before, const Machine* after);
    template <typename Tell>
    void tell(Tell tell) const;
    void tell_events(std::size_t count, const std::vector<Uuid>* only = nullptr);

    asio::io_context& loop_;
    InventorySource& source_;
    std::vector<InventoryObserver*> observers_;
    std::unordered_map<Uuid, MachinePtr> machines_;
    MachinesByName by_name_;
    std::map<DiskSource, std::set<Uuid>> disks_;
    std::function<void(const std::vector<DiskSource>&)> disks_changed_;
    std::function<void(const Machine&)> job_begun_;
    std::unordered_map<Uuid, Due> due_;
    std::deque<Uuid> order_;                              // the keys of due_, oldest first
    std::deque<std::pair<Uuid, LifecycleEvent>> events_;  // not told yet, oldest first
    std::vector<std::weak_ptr<Watch>> watches_;
    std::unordered_set<Uuid> unread_;  // could not be read, or not to the end of what libvirt does with it
    bool unlisted_ = false;
    std::chrono::seconds retry_interval_;
    std::chrono::steady_clock::time_point retry_at_;
    bool relist_due_ = false;
    bool announce_due_ = false;
    Latch listed_;
    bool stopping_ = false;
    bool untold_ = false;
    Latch work_;
    std::uint64_t next_generation_;
};

}  // namespace virtbus
