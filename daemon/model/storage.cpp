// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/storage.h"

#include "base/log.h"
#include "model/error.h"

#include <fmt/format.h>

#include <algorithm>
#include <system_error>
#include <tuple>
#include <utility>

namespace virtbus {

namespace {

/// A pool on a network may take its time; longer than keepalive takes, so that callers hear the real reason.
constexpr std::chrono::minutes pool_refresh_patience{5};

/// What changes in a directory within this time is looked at together.
constexpr std::chrono::milliseconds together{300};

/// When what could not be read is read again; twice as long each time.
constexpr std::chrono::seconds pool_first_retry{1};
constexpr std::chrono::seconds pool_last_retry{60};

/// How many images are shown at once, and the pause after that: what clients ask meanwhile is answered in between, and
/// does not have to wait in the bus's queue behind thousands of signals.
constexpr std::size_t slice = 50;
constexpr std::chrono::milliseconds pause{4};

bool is_temporary(std::string_view name) { return name.starts_with(temporary_prefix); }

}  // namespace

Storage::Storage(asio::io_context& loop, StorageSource& source, const Inventory& machines, ImageFormats& formats)
    : loop_(loop),
      source_(source),
      machines_(machines),
      formats_(formats),
      retry_interval_(pool_first_retry),
      listed_(loop.get_executor()),
      work_(loop.get_executor()) {}

Task<> Storage::run() {
    while (!stopping_) {
        co_await work_.wait();
        work_.reset();
        while (!stopping_ && (list_due_ || !order_.empty())) {
            if (list_due_)
                co_await read_list();
            else
                co_await read_next();
        }
        listed_.set();
    }
}

void Storage::stop() {
    stopping_ = true;
    for (auto& [name, entry] : pools_) entry.watch.reset();
    for (const auto& [name, reading] : due_) reading.waiters.release(not_served());
    due_.clear();
    listed_.set();
    work_.set();
}

Storage::Due& Storage::due(const std::string& pool) {
    const auto [entry, is_new] = due_.try_emplace(pool);
    if (is_new) order_.push_back(pool);
    work_.set();
    return entry->second;
}

void Storage::relist() {
    list_due_ = true;
    work_.set();
}

Task<> Storage::refreshed(std::string pool, bool look_again) {
    return await_reading(std::move(pool), look_again, Waiters::Until::read);
}

Task<> Storage::settled(std::string pool) {
    if (find_pool(pool)) co_await await_reading(std::move(pool), false, Waiters::Until::read_or_gone);
}

Task<> Storage::await_reading(std::string pool, bool look_again, Waiters::Until until) {
    if (stopping_) std::rethrow_exception(not_served());
    auto& reading = due(pool);
    reading.look_again = reading.look_again || look_again;
    co_await reading.waiters.join(loop_, pool_refresh_patience, until);
}

Task<> Storage::declare(std::string path, std::string format) {
    const auto image = image_at(path);
    ReplacedFile replaced;
    if (image) replaced = {image->stamp.inode, image->format};
    co_await formats_.declare(path, 0, format, replaced);
    if (image) due(image->pool);
}

bool Storage::can_declare_early(const std::string& path) const {
    const auto image = image_at(path);
    return !image || image->stamp.inode != 0;
}

Task<> Storage::read_list() {
    list_due_ = false;
    std::vector<std::string> names;
    try {
        names = co_await source_.list_pools();
    } catch (const std::exception& error) {
        read_later({}, error);
        co_return;
    }
    std::vector<std::string> gone;
    for (const auto& [name, entry] : pools_)
        if (std::find(names.begin(), names.end(), name) == names.end()) gone.push_back(name);
    for (const auto& name : gone) co_await remove_pool(name);
    for (const auto& name : names) due(name);
}

/// Reads a pool, or all, again after a while. Not after a lost connection: with the next one all is listed again.
void Storage::read_later(const std::string& pool, const std::exception& failure) {
    const auto* error = dynamic_cast<const Error*>(&failure);
    if (error != nullptr && error->code() == Code::disconnected) return;
    log::warning(
        fmt::format("{} cannot be read: {}", pool.empty() ? "the list of pools" : "pool " + pool, failure.what()));
    if (!reading_later_.insert(pool).second) return;
    auto read = [pool](Storage& storage) {
        storage.reading_later_.erase(pool);
        pool.empty() ? storage.relist() : storage.touch(pool);
    };
    spawn(loop_, later(loop_, self_, retry_interval_, std::move(read)), "reading a pool again");
    retry_interval_ = std::min(retry_interval_ * 2, pool_last_retry);
}

Task<> Storage::later(asio::io_context& loop, std::weak_ptr<Storage*> self, std::chrono::milliseconds interval,
                      std::function<void(Storage&)> then) {
    co_await let_pass(loop, interval);
    if (const auto storage = self.lock()) then(**storage);
}

Task<> Storage::read_next() {
    const auto name = order_.front();
    order_.pop_front();
    const auto owed = std::move(due_.extract(name).mapped());
    const auto known = std::make_shared<const ImageMap>(images(name));
    const bool look_again = owed.look_again || unseen_.contains(name);
    std::exception_ptr failure;
    try {
        auto reading = co_await source_.read_pool(name, look_again, known);
        const auto unseen = reading.failure;
        if (!stopping_) co_await apply(name, std::move(reading));
        if (unseen) std::rethrow_exception(unseen);
        unseen_.erase(name);
        retry_interval_ = pool_first_retry;
    } catch (const std::exception& error) {
        failure = std::current_exception();
        if (look_again) unseen_.insert(name);  // whatever tells of a change there tells it once
        read_later(name, error);
    } catch (...) {
        failure = std::current_exception();
    }
    owed.waiters.release(failure);
}

Task<> Storage::apply(const std::string& name, StorageSource::Reading reading) {
    if (!reading.pool) {
        co_await remove_pool(name);
        co_return;
    }
    auto& entry = pools_[name];
    apply_pool(entry, std::move(*reading.pool));
    co_await apply_images(entry, std::move(reading.images));
}

void Storage::apply_pool(Entry& entry, Pool pool) {
    clean_text(pool);
    const auto before = entry.pool;
    if (before && *before == pool) return;
    entry.pool = std::make_shared<const Pool>(std::move(pool));
    // A watch that is made anew does not tell what the old one has not told yet.
    const bool same_place = before && std::tie(before->type, before->path, before->state) ==
                                          std::tie(entry.pool->type, entry.pool->path, entry.pool->state);
    if (!same_place) watch(entry);
    tell([&](StorageObserver& observer) {
        if (before)
            observer.pool_changed(entry.pool);
        else
            observer.pool_added(entry.pool);
    });
}

Task<> Storage::apply_images(Entry& entry, ImageMap read) {
    std::size_t shown = 0;
    ImageMap now;  // by their names as they are shown
    for (const auto& [name, image] : read) {
        auto after = corrected(image);
        now[after->name] = std::move(after);
        if (++shown % (10 * slice) == 0) co_await let_pass(loop_, pause);
    }
    std::vector<ImagePtr> gone;
    for (const auto& [name, image] : entry.images)
        if (!now.contains(name)) gone.push_back(image);
    const bool counted = entry.images.size() != now.size();
    for (const auto& image : gone) {
        // The files of a pool that has stopped are still what they are.
        if (entry.pool->state == PoolState::running && source_.is_local()) formats_.forget(image->path);
        replace(entry, image, nullptr);
        if (++shown % slice == 0) co_await let_pass(loop_, pause);
    }
    for (auto& [name, image] : now) {
        const auto found = entry.images.find(name);
        const auto before = found == entry.images.end() ? nullptr : found->second;
        if (before && *before == *image) continue;
        auto after = corrected(image);  // once more: a machine may have come meanwhile that says what it is
        if (before && *before == *after) continue;
        replace(entry, before, std::move(after));
        if (++shown % slice == 0) co_await let_pass(loop_, pause);
    }
    if (counted) tell([&](StorageObserver& observer) { observer.pool_changed(entry.pool); });
}

Task<> Storage::remove_pool(const std::string& name) {
    const auto found = pools_.find(name);
    if (found == pools_.end()) co_return;
    auto stopped = *found->second.pool;
    stopped.state = PoolState::inactive;
    apply_pool(found->second, std::move(stopped));
    co_await apply_images(found->second, {});
    const auto pool = found->second.pool;
    pools_.erase(found);
    if (const auto due = due_.find(name); due != due_.end()) due->second.waiters.gone();
    tell([&](StorageObserver& observer) { observer.pool_removed(pool); });
}

void Storage::replace(Entry& entry, const ImagePtr& before, ImagePtr after) {
    if (before) {
        by_path_.erase(before->path);
        if (!before->backing_file.empty()) overlays_[before->backing_file].erase(before->path);
    }
    if (after) {
        by_path_[after->path] = after;
        if (!after->backing_file.empty()) overlays_[after->backing_file].insert(after->path);
        entry.images[after->name] = after;
    } else {
        entry.images.erase(before->name);
    }
    tell([&](StorageObserver& observer) {
        if (!after)
            observer.image_removed(before);
        else if (before)
            observer.image_changed(after);
        else
            observer.image_added(after);
    });
    const bool same_links = before && after && before->backing_file == after->backing_file;
    if (same_links) return;
    if (before) tell_linked(*before);
    if (after) tell_linked(*after);
}

/// Those above have another chain now, and the one below another user.
void Storage::tell_linked(const Image& image) {
    for (const auto& each : all_overlays(image)) tell([&](StorageObserver& observer) { observer.links_changed(each); });
    if (const auto below = image_at(image.backing_file))
        tell([&](StorageObserver& observer) { observer.links_changed(below); });
}

void Storage::users_changed(const std::vector<DiskSource>& sources) {
    for (const auto& source : sources) {
        const auto image = find_image(source);
        if (!image) continue;
        if (auto after = corrected(image); *after != *image) replace(pools_.at(image->pool), image, std::move(after));
        tell([&](StorageObserver& observer) { observer.links_changed(image); });
    }
}

ImagePtr Storage::corrected(const ImagePtr& image) {
    // What is known of files is known of those of this host.
    const bool is_local = source_.is_local();
    auto format = is_local ? formats_.find(image->path, image->stamp.inode) : std::nullopt;
    if (!format)
        for (const auto& machine : machines(*image))
            for (const auto& disk : machine->disks) {
                const auto source = source_of(disk);
                const bool same =
                    source.path == image->path || (source.pool == image->pool && source.volume == image->name);
                if (!same || disk.format.empty() || format) continue;
                format = disk.format;
                if (is_local) formats_.declare_later(image->path, image->stamp.inode, disk.format);
            }
    auto clean = *image;
    clean_text(clean);
    if (format) declare_format(clean, *format);
    return clean == *image ? image : std::make_shared<const Image>(std::move(clean));
}

void Storage::look_soon(const std::string& pool) {
    if (!looking_soon_.insert(pool).second) return;
    auto look = [pool](Storage& storage) {
        storage.looking_soon_.erase(pool);
        storage.look_again(pool);
    };
    spawn(loop_, later(loop_, self_, together, std::move(look)), "looking at a pool");
}

void Storage::watch(Entry& entry) {
    const auto& pool = *entry.pool;
    entry.watch.reset();
    if (!source_.is_local() || pool.type != "dir" || pool.state != PoolState::running) return;
    try {
        auto heard = [this, name = pool.name](std::string_view file) {
            if (!is_temporary(file)) look_soon(name);
        };
        entry.watch = std::make_unique<DirectoryWatch>(loop_, pool.path, std::move(heard));
        look_again(pool.name);  // for what came between libvirt's last look and now
    } catch (const std::system_error& error) {
        log::debug(fmt::format("pool {} is not watched: {}", pool.name, error.what()));
    }
}

/// What goes wrong where it is shown must not keep the rest from being read.
template <typename Tell>
void Storage::tell(Tell tell) const {
    for (auto* observer : observers_) {
        try {
            tell(*observer);
        } catch (const std::exception& error) {
            log::error(fmt::format("defect: a difference of pools was not announced: {}", error.what()));
        }
    }
}

}  // namespace virtbus
