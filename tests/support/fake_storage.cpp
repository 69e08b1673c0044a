// SPDX-License-Identifier: LGPL-2.1-or-later
#include "support/fake_storage.h"

#include <chrono>
#include <filesystem>
#include <stdexcept>
#include <utility>

namespace virtbus::test {

Pool make_pool(const std::string& name) {
    Pool pool;
    pool.name = name;
    pool.type = "dir";
    pool.state = PoolState::running;
    pool.path = "/pools/" + name;
    pool.capacity = std::uint64_t{100} << 30;
    pool.available = std::uint64_t{60} << 30;
    pool.allocation = std::uint64_t{40} << 30;
    return pool;
}

Image make_image(const std::string& pool, const std::string& name) {
    Image image;
    image.pool = pool;
    image.name = name;
    image.path = "/pools/" + pool + "/" + name;
    image.format = "qcow2";
    image.virtual_size = std::uint64_t{1} << 30;
    image.file_size = image.allocation = 200'704;
    return image;
}

FakeStorage::Lock FakeStorage::enter() {
    Lock lock(mutex_);
    if (std::exchange(strange_, false)) throw std::runtime_error("a defect");
    if (!failure_) return lock;
    const Error error = *failure_;
    if (--failures_ == 0) failure_.reset();
    throw error;
}

Pool& FakeStorage::find(const std::string& name) {
    const auto found = pools_.find(name);
    if (found == pools_.end()) throw Error(Code::no_such_pool, "there is no pool " + name);
    return found->second;
}

void FakeStorage::add(Pool pool) {
    const Lock lock(mutex_);
    pools_[pool.name] = std::move(pool);
}

void FakeStorage::add(Image image) {
    const Lock lock(mutex_);
    images_[{image.pool, image.name}] = std::move(image);
}

void FakeStorage::erase(const std::string& pool, const std::string& name) {
    const Lock lock(mutex_);
    images_.erase({pool, name});
}

std::optional<Image> FakeStorage::image(const std::string& pool, const std::string& name) const {
    const Lock lock(mutex_);
    const auto found = images_.find({pool, name});
    return found == images_.end() ? std::nullopt : std::optional(found->second);
}

void FakeStorage::fail(const Error& error, int times) {
    const Lock lock(mutex_);
    failure_ = error;
    failures_ = times;
}

void FakeStorage::fail_strangely() {
    const Lock lock(mutex_);
    strange_ = true;
}

int FakeStorage::refreshes() const {
    const Lock lock(mutex_);
    return refreshes_;
}

int FakeStorage::listings(const std::string& pool) const {
    const Lock lock(mutex_);
    const auto found = listings_.find(pool);
    return found == listings_.end() ? 0 : found->second;
}

void FakeStorage::block() {
    const Lock lock(mutex_);
    blocked_ = true;
}

void FakeStorage::release() {
    const Lock lock(mutex_);
    blocked_ = false;
    changed_.notify_all();
}

std::size_t FakeStorage::hanging() const {
    const Lock lock(mutex_);
    return hanging_;
}

std::vector<std::string> FakeStorage::list_pools() {
    const auto lock = enter();
    std::vector<std::string> names;
    for (const auto& [name, pool] : pools_) names.push_back(name);
    return names;
}

std::optional<Pool> FakeStorage::read_pool(const std::string& name) {
    const auto lock = enter();
    const auto found = pools_.find(name);
    return found == pools_.end() ? std::nullopt : std::optional(found->second);
}

ImageMap FakeStorage::list_images(const std::string& pool, const ImageMap& known) {
    auto lock = enter();
    ++listings_[pool];
    ImageMap images;
    if (find(pool).state == PoolState::running)
        for (const auto& [key, image] : images_) {
            if (image.pool != pool) continue;
            const auto old = known.find(image.name);
            const bool same = old != known.end() && image.stamp != FileStamp() && old->second->stamp == image.stamp;
            images[image.name] = same ? old->second : std::make_shared<const Image>(image);
        }
    ++hanging_;
    changed_.wait(lock, [&] { return !blocked_; });
    --hanging_;
    return images;
}

void FakeStorage::create_pool(const PoolSpec& spec) {
    const auto lock = enter();
    if (pools_.contains(spec.name)) throw Error(Code::already_exists, "there is already a pool " + spec.name);
    auto pool = make_pool(spec.name);
    pool.path = spec.path;
    pool.autostart = spec.autostart;
    pools_[spec.name] = std::move(pool);
}

void FakeStorage::start_pool(const std::string& name) {
    const auto lock = enter();
    if (find(name).state == PoolState::running) throw Error(Code::invalid_state, "pool " + name + " is running");
    find(name).state = PoolState::running;
}

void FakeStorage::stop_pool(const std::string& name) {
    const auto lock = enter();
    if (find(name).state != PoolState::running) throw Error(Code::invalid_state, "pool " + name + " is not running");
    find(name).state = PoolState::inactive;
}

void FakeStorage::delete_pool(const std::string& name) {
    const auto lock = enter();
    find(name);
    pools_.erase(name);
}

void FakeStorage::set_pool_autostart(const std::string& name, bool autostart) {
    const auto lock = enter();
    find(name).autostart = autostart;
}

void FakeStorage::refresh_pool(const std::string& name) {
    const auto lock = enter();
    find(name);
    ++refreshes_;
}

void FakeStorage::delete_image(const std::string& pool, const std::string& name) {
    const auto lock = enter();
    if (images_.erase({pool, name}) == 0) throw Error(Code::no_such_image, "there is no image " + name);
}

std::uint64_t FakeStorage::upload(const std::string&, const std::string&, const std::string&, const UniqueFd&,
                                  Transfer& transfer, std::string* sha256) {
    const auto lock = enter();
    if (sha256 != nullptr) *sha256 = std::string(64, '0');
    transfer.at(1'000, 1'000);
    return 1'000;
}

std::uint64_t FakeStorage::download(const std::string&, const std::string&, const UniqueFd&, Transfer& transfer) {
    const auto lock = enter();
    transfer.at(1'000, 1'000);
    return 1'000;
}

void FakeTool::block() {
    const std::lock_guard lock(mutex_);
    blocked_ = true;
}

void FakeTool::release() {
    const std::lock_guard lock(mutex_);
    blocked_ = false;
    changed_.notify_all();
}

void FakeTool::fail(const Error& error) {
    const std::lock_guard lock(mutex_);
    failure_ = error;
}

void FakeTool::fail_to_remove(const Error& error) {
    const std::lock_guard lock(mutex_);
    failure_to_remove_ = error;
}

void FakeTool::never_remove_in(const std::string& directory) {
    const std::lock_guard lock(mutex_);
    never_removed_in_ = directory;
}

std::size_t FakeTool::hanging() const {
    const std::lock_guard lock(mutex_);
    return hanging_;
}

std::vector<std::string> FakeTool::calls() const {
    const std::lock_guard lock(mutex_);
    return calls_;
}

NewFile FakeTool::target() const {
    const std::lock_guard lock(mutex_);
    return target_;
}

std::vector<std::string> FakeTool::removed() const {
    const std::lock_guard lock(mutex_);
    return removed_;
}

void FakeTool::enter(const std::string& call, const NewFile& target, Transfer& transfer) {
    {
        const std::lock_guard lock(mutex_);
        target_ = target;
    }
    enter(call, &transfer);
}

void FakeTool::enter(const std::string& call, Transfer* transfer) {
    std::unique_lock lock(mutex_);
    calls_.push_back(call);
    if (transfer != nullptr && blocked_) {
        transfer->at(500, 1'000);
        ++hanging_;
        while (blocked_ && !transfer->is_cancelled()) changed_.wait_for(lock, std::chrono::milliseconds(5));
        --hanging_;
    }
    if (transfer != nullptr) transfer->refuse_cancelled();
    if (failure_) throw *std::exchange(failure_, std::nullopt);
}

void FakeTool::put(const NewFile& target, std::uint64_t size, const std::optional<ImageFile>& backing) {
    if (target.name.empty()) return;  // no image yet: the port does not list it
    const auto pool = std::filesystem::path(target.directory).filename().string();
    auto image = make_image(pool, target.name);
    image.format = target.format;
    image.virtual_size = size;
    if (backing) {
        image.backing_file = backing->path;
        image.backing_format = backing->format;
    }
    storage_.add(std::move(image));
}

void FakeTool::create(const NewFile& target, std::uint64_t size, const std::optional<ImageFile>& backing,
                      Transfer& transfer) {
    enter("create " + target.name, target, transfer);
    put(target, size, backing);
}

std::uint64_t FakeTool::measure(const ImageFile&, const std::string&) { return 200'704; }

void FakeTool::convert(const ImageFile& source, const NewFile& target, Transfer& transfer) {
    enter("convert " + std::filesystem::path(source.path).filename().string(), target, transfer);
    put(target, std::uint64_t{1} << 30, std::nullopt);
}

void FakeTool::rebase(const ImageFile&, const NewFile& target, const ImageFile& backing, Transfer& transfer) {
    enter("rebase " + target.name, target, transfer);
    put(target, std::uint64_t{1} << 30, backing);
}

void FakeTool::resize(const ImageFile& image, std::uint64_t size, bool) {
    const std::filesystem::path path(image.path);
    enter("resize " + path.filename().string());
    auto changed = storage_.image(path.parent_path().filename().string(), path.filename().string());
    changed->virtual_size = size;
    storage_.add(std::move(*changed));
}

void FakeTool::wipe(const ImageFile&, const NewFile& target, std::uint64_t size, Transfer& transfer) {
    enter("wipe " + target.name, target, transfer);
    put(target, size, std::nullopt);
}

CheckReport FakeTool::check(const ImageFile&, Transfer& transfer) {
    enter("check", &transfer);
    return {0, 3, 0};
}

void FakeTool::adopt(const NewFile& target, Transfer& transfer) {
    enter("adopt " + target.name, target, transfer);
    put(target, std::uint64_t{1} << 30, std::nullopt);
}

void FakeTool::publish(const NewFile& target) {
    enter("publish " + target.name);
    put(target, std::uint64_t{1} << 30, std::nullopt);
}

void FakeTool::remove_temporary(const std::string& directory, const std::string& temporary) {
    const std::lock_guard lock(mutex_);
    if (failure_to_remove_) throw Error(*std::exchange(failure_to_remove_, std::nullopt));
    if (directory == never_removed_in_) throw Error(Code::failed, "it does not answer");
    removed_.push_back(directory + "/" + temporary);
}

}  // namespace virtbus::test
