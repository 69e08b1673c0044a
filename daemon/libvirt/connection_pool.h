// SPDX-License-Identifier: LGPL-2.1-or-later
// The connections of one port: every call has one for itself. On a connection that several calls wait on, libvirt ends
// only one of them when keepalive finds it dead; the others, and the close callback, would wait for ever (seen
// in 9.0.0, where the client's event loop ignores its timeout when the connection is passed on to the next call). Any
// thread.
#pragma once

#include "libvirt/connection.h"

#include <condition_variable>
#include <mutex>
#include <utility>
#include <vector>

namespace virtbus {

class ConnectionPool {
public:
    /// A connection for the length of one call. Never take a second one while holding one.
    class Lease {
    public:
        Lease() = default;
        Lease(ConnectionPool& pool, std::size_t index) : pool_(&pool), index_(index) {}
        Lease(Lease&& other) noexcept : pool_(std::exchange(other.pool_, nullptr)), index_(other.index_) {}
        Lease& operator=(Lease&& other) noexcept {
            std::swap(pool_, other.pool_);
            std::swap(index_, other.index_);
            return *this;
        }
        ~Lease() {
            if (pool_ != nullptr) pool_->give_back(index_);
        }

        [[nodiscard]] virConnectPtr get() const { return pool_->connections_[index_].get(); }

    private:
        ConnectionPool* pool_ = nullptr;
        std::size_t index_ = 0;
    };

    /// Opens `count` connections. One is enough, and is shared by all calls, where the driver is in this process.
    ConnectionPool(const Opener& open, std::size_t count);

    /// Waits until one is free. A dead one is as good as another: it says at once that it is dead.
    Lease take();

    [[nodiscard]] const std::vector<ConnectionHandle>& all() const { return connections_; }
    [[nodiscard]] bool can_be_lost() const { return !shared_; }

private:
    void give_back(std::size_t index);

    std::vector<ConnectionHandle> connections_;
    bool shared_ = false;  // a driver inside this process

    std::mutex mutex_;
    std::condition_variable returned_;
    std::vector<std::size_t> free_;
};

}  // namespace virtbus
