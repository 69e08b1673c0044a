// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libvirt/connection_pool.h"

namespace virtbus {

ConnectionPool::ConnectionPool(const Opener& open, std::size_t count) {
    auto first = open();
    shared_ = !first.can_be_lost;
    connections_.push_back(std::move(first.handle));
    while (!shared_ && connections_.size() < count) connections_.push_back(open().handle);
    for (std::size_t i = connections_.size(); i > 0; --i) free_.push_back(i - 1);
}

ConnectionPool::Lease ConnectionPool::take() {
    if (shared_) return {*this, 0};
    std::unique_lock lock(mutex_);
    returned_.wait(lock, [this] { return !free_.empty(); });
    const auto index = free_.back();
    free_.pop_back();
    return {*this, index};
}

void ConnectionPool::give_back(std::size_t index) {
    if (shared_) return;
    const std::lock_guard lock(mutex_);
    free_.push_back(index);
    returned_.notify_one();
}

}  // namespace virtbus
