// SPDX-License-Identifier: LGPL-2.1-or-later
// The mirror of one hypervisor's networks. As with machines, events never change it. But networks are few: whatever
// happens to one, all are read again, and the differences are what observers hear. Main thread only.
#pragma once

#include "base/latch.h"
#include "base/task.h"
#include "model/network.h"
#include "model/waiters.h"

#include <chrono>
#include <exception>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace virtbus {

using NetworkPtr = std::shared_ptr<const Network>;

/// Where the mirror reads the truth. May throw Error disconnected.
class NetworksSource {
public:
    virtual ~NetworksSource() = default;
    virtual Task<std::vector<Network>> list_networks() = 0;
};

class NetworksObserver {
public:
    virtual ~NetworksObserver() = default;
    virtual void network_added(const NetworkPtr& network) = 0;
    virtual void network_changed(const NetworkPtr& after) = 0;
    virtual void network_removed(const NetworkPtr& network) = 0;
};

class Networks {
public:
    Networks(asio::io_context& loop, NetworksSource& source);

    /// From now on `observer` hears what changes, until it is ignored.
    void observe(NetworksObserver* observer) { observers_.push_back(observer); }
    void ignore(NetworksObserver* observer) { std::erase(observers_, observer); }

    /// Reads when there is something to read, for as long as the daemon lives; started once.
    Task<> run();
    void stop();

    /// Something may have changed.
    void touch() { work_.set(); }
    /// Returns when all have been read after this call. Throws what the reading threw, or Error timeout.
    Task<> refreshed();
    /// The same, and returns as well when network `name` is gone, which a reading may find that had begun before: for
    /// what may have removed it.
    Task<> settled(std::string name);

    /// Set when they have been read once.
    Latch& listed() { return listed_; }

    [[nodiscard]] NetworkPtr find(const std::string& name) const;
    /// By name.
    [[nodiscard]] std::vector<NetworkPtr> all() const;

private:
    Task<> read();
    void read_later(const std::exception& failure);
    void apply(std::vector<Network> read);
    template <typename Tell>
    void tell(Tell tell) const;

    asio::io_context& loop_;
    NetworksSource& source_;
    std::vector<NetworksObserver*> observers_;
    std::map<std::string, NetworkPtr> networks_;
    std::map<std::string, Waiters> waiters_;            ///< for a network, or "" for all
    std::chrono::steady_clock::duration next_reading_;  ///< when they are read without being touched; max() for never
    std::chrono::seconds retry_interval_;
    Latch listed_;
    Latch work_;
    bool stopping_ = false;
};

}  // namespace virtbus
