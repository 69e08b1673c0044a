// SPDX-License-Identifier: LGPL-2.1-or-later
// The mirror of one hypervisor's pools and images. As with machines, events never change it: they mark a pool dirty, it
// is read again, and the differences are what observers hear. libvirt has no events for images, so the directories of
// pools on this host are watched too, and whoever changes an image asks for its pool to be read. Main thread only.
#pragma once

#include "base/directory_watch.h"
#include "base/latch.h"
#include "base/task.h"
#include "model/image_formats.h"
#include "model/inventory.h"
#include "model/storage_port.h"
#include "model/waiters.h"

#include <chrono>
#include <deque>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

namespace virtbus {

using PoolPtr = std::shared_ptr<const Pool>;

/// Where the mirror reads the truth. Both may throw Error disconnected.
class StorageSource {
public:
    struct Reading {
        std::optional<Pool> pool;  ///< nothing: there is no such pool
        ImageMap images;
        std::exception_ptr failure;  ///< libvirt could not look again: this is what it knew
    };

    virtual ~StorageSource() = default;
    virtual Task<std::vector<std::string>> list_pools() = 0;
    /// `look_again`: libvirt looks first at what the pool has. `known` is what was read before.
    virtual Task<Reading> read_pool(std::string name, bool look_again, std::shared_ptr<const ImageMap> known) = 0;
    /// Whether the paths of images are paths of this host.
    [[nodiscard]] virtual bool is_local() const = 0;
};

class StorageObserver {
public:
    virtual ~StorageObserver() = default;
    virtual void pool_added(const PoolPtr& pool) = 0;
    virtual void pool_changed(const PoolPtr& after) = 0;
    virtual void pool_removed(const PoolPtr& pool) = 0;
    virtual void image_added(const ImagePtr& image) = 0;
    virtual void image_changed(const ImagePtr& after) = 0;
    virtual void image_removed(const ImagePtr& image) = 0;
    /// Other images or machines use it now, or what it is based on is another.
    virtual void links_changed(const ImagePtr& image) = 0;
};

class Storage {
public:
    /// A machine of another hypervisor.
    struct OtherUser {
        std::string hypervisor;
        MachinePtr machine;
    };

    Storage(asio::io_context& loop, StorageSource& source, const Inventory& machines, ImageFormats& formats);

    /// From now on `observer` hears what changes, until it is ignored.
    void observe(StorageObserver* observer) { observers_.push_back(observer); }
    void ignore(StorageObserver* observer) { std::erase(observers_, observer); }

    /// Reads what is dirty, for as long as the daemon lives; started once.
    Task<> run();
    /// Nothing is read any more: who waits for a reading hears that.
    void stop();

    /// This pool may have changed.
    void touch(const std::string& pool) { due(pool); }
    /// The same, and libvirt has not seen it yet.
    void look_again(const std::string& pool) { due(pool).look_again = true; }
    /// Everything may have changed.
    void relist();
    /// The disks of machines have changed: the files or volumes that any had or has.
    void users_changed(const std::vector<DiskSource>& sources);

    /// Returns when the pool has been read after this call. Throws what the reading threw, or Error timeout.
    Task<> refreshed(std::string pool, bool look_again);
    /// The same, and returns as well when the pool is gone, which a reading may find that had begun before: for what
    /// may have removed it.
    Task<> settled(std::string pool);
    /// Says what format the file will have that comes there next; lasts when it returns.
    Task<> declare(std::string path, std::string format);
    /// Whether that can be said before it comes: not when it is to replace a file that cannot be told from it.
    [[nodiscard]] bool can_declare_early(const std::string& path) const;
    /// No such file comes.
    void withdraw(const std::string& path) { formats_.withdraw(path); }

    /// Set when all pools have been read once.
    Latch& listed() { return listed_; }

    [[nodiscard]] PoolPtr find_pool(const std::string& name) const;
    [[nodiscard]] ImagePtr find_image(const std::string& pool, const std::string& name) const;
    [[nodiscard]] ImagePtr find_image(const DiskSource& source) const;
    [[nodiscard]] ImagePtr image_at(const std::string& path) const;
    [[nodiscard]] std::vector<PoolPtr> pools() const;
    /// The images of a pool; none of one that is not there.
    [[nodiscard]] const ImageMap& images(const std::string& pool) const;

    /// What it is based on, the nearest first, as far as it is in pools.
    [[nodiscard]] std::vector<ImagePtr> chain(const Image& image) const;
    /// The images that are based on it.
    [[nodiscard]] std::vector<ImagePtr> overlays(const Image& image) const;
    /// The same, and those that are based on these, and so on.
    [[nodiscard]] std::vector<ImagePtr> all_overlays(const Image& image) const;
    /// The machines that have it as a disk.
    [[nodiscard]] std::vector<MachinePtr> machines(const Image& image) const;
    /// Those that run, and have it only when they start next.
    [[nodiscard]] std::vector<MachinePtr> next_machines(const Image& image) const;
    /// Machines of other hypervisors that have its file as a disk.
    [[nodiscard]] std::vector<OtherUser> other_users(const Image& image) const {
        return find_others_ ? find_others_(image) : std::vector<OtherUser>();
    }
    /// `find` knows the other hypervisors.
    void on_other_users(std::function<std::vector<OtherUser>(const Image&)> find) { find_others_ = std::move(find); }

private:
    struct Due {
        bool look_again = false;
        Waiters waiters;
    };
    struct Entry {
        PoolPtr pool;
        ImageMap images;
        std::unique_ptr<DirectoryWatch> watch;
    };

    Due& due(const std::string& pool);
    Task<> await_reading(std::string pool, bool look_again, Waiters::Until until);
    void read_later(const std::string& pool, const std::exception& failure);
    /// Waits before it does `then`, unless what it is for is gone by then.
    static Task<> later(asio::io_context& loop, std::weak_ptr<Storage*> self, std::chrono::milliseconds interval,
                        std::function<void(Storage&)> then);
    Task<> read_list();
    Task<> read_next();
    Task<> apply(const std::string& name, StorageSource::Reading reading);
    Task<> apply_images(Entry& entry, ImageMap read);
    void apply_pool(Entry& entry, Pool pool);
    Task<> remove_pool(const std::string& name);
    void replace(Entry& entry, const ImagePtr& before, ImagePtr after);
    void tell_linked(const Image& image);
    /// Takes the image for what somebody has said that it is.
    ImagePtr corrected(const ImagePtr& image);
    void watch(Entry& entry);
    void look_soon(const std::string& pool);
    template <typename Tell>
    void tell(Tell tell) const;

    asio::io_context& loop_;
    StorageSource& source_;
    const Inventory& machines_;
    ImageFormats& formats_;
    std::vector<StorageObserver*> observers_;
    std::function<std::vector<OtherUser>(const Image&)> find_others_;
    std::map<std::string, Entry> pools_;
    std::unordered_map<std::string, ImagePtr> by_path_;
    std::unordered_map<std::string, std::set<std::string>> overlays_;  // backing file → paths of those based on it
    std::map<std::string, Due> due_;
    std::deque<std::string> order_;        // the keys of due_, oldest first
    std::set<std::string> looking_soon_;   // pools whose directories have changed a moment ago
    std::set<std::string> unseen_;         // pools where libvirt has to look again, and could not
    std::set<std::string> reading_later_;  // pools that could not be read; "" for their list
    std::chrono::seconds retry_interval_;
    Latch listed_;
    bool list_due_ = false;
    bool stopping_ = false;
    Latch work_;
    std::shared_ptr<Storage*> self_ = std::make_shared<Storage*>(this);
};

}  // namespace virtbus
