// SPDX-License-Identifier: LGPL-2.1-or-later
// One hypervisor: its connections, kept alive and made anew when they are lost, the lanes that blocking calls run on,
// and the mirrors of its machines, pools and networks. Main thread only; what runs elsewhere is in the lanes.
#pragma once

#include "base/latch.h"
#include "base/task.h"
#include "model/driver_features.h"
#include "model/hypervisor_info.h"
#include "model/inventory.h"
#include "model/networks.h"
#include "model/port.h"
#include "model/storage.h"
#include "model/worker_lane.h"

#include <array>
#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace virtbus {

enum class ConnectionState { connecting, connected, failed, disconnected };

std::string_view to_string(ConnectionState state);

/// Who wants it served: the configuration, a caller, or nobody but virtbusd, which looks whether it is there.
enum class Origin { configuration, caller, candidate };

struct HypervisorStatus {
    ConnectionState connection = ConnectionState::connecting;
    std::string error;  ///< why failed or disconnected, for people
    HypervisorInfo info;

    bool operator==(const HypervisorStatus&) const = default;
};

class HypervisorObserver {
public:
    virtual ~HypervisorObserver() = default;
    virtual void status_changed(const HypervisorStatus& before, const HypervisorStatus& after) = 0;
};

class Hypervisor final : public InventorySource,
                         public StorageSource,
                         public NetworksSource,
                         public std::enable_shared_from_this<Hypervisor> {
public:
    /// How long a caller waits for one blocking call. libvirt itself has no limits; a call that is dropped goes on.
    static constexpr std::chrono::minutes call_patience{5};
    /// For how long after start() callers wait for the first connection and the first listing.
    static constexpr std::chrono::seconds first_patience{5};

    struct Settings {
        Origin origin = Origin::caller;
        std::chrono::seconds poll_interval{30};  ///< how often it is listed when it has no events
    };

    /// `uri` is for people: without password and query.
    Hypervisor(asio::io_context& loop, std::string name, std::string uri, std::unique_ptr<Connector> connector,
               ImageFormats& formats, Settings settings);
    Hypervisor(asio::io_context& loop, std::string name, std::string uri, std::unique_ptr<Connector> connector,
               ImageFormats& formats)
        : Hypervisor(loop, std::move(name), std::move(uri), std::move(connector), formats, Settings()) {}

    [[nodiscard]] const std::string& name() const { return name_; }
    [[nodiscard]] const std::string& uri() const { return uri_; }
    /// Whether no call can remove it.
    [[nodiscard]] bool is_configured() const { return settings_.origin != Origin::caller; }
    [[nodiscard]] const HypervisorStatus& status() const { return status_; }
    /// How often it is listed because nobody tells what happens; 0 when it has events.
    [[nodiscard]] std::chrono::seconds poll_interval() const {
        return status_.info.has_events ? std::chrono::seconds(0) : settings_.poll_interval;
    }
    /// Error not_supported when its driver cannot do that.
    void require(Feature feature) const { require_feature(name_, status_.info, feature); }
    Inventory& inventory() { return inventory_; }
    Storage& storage() { return storage_; }
    Networks& networks() { return networks_; }
    asio::io_context& loop() { return loop_; }

    void observe(HypervisorObserver* observer) { observer_ = observer; }

    /// Connects, and keeps connected, from now until stop().
    void start();
    /// Ends both loops and closes the connections; calls still under way may go on in their lanes, and so long it
    /// lives.
    void stop();
    /// Tries to connect now instead of at the next time.
    void reconnect() { retry_.set(); }

    /// Returns when the first attempt to connect has ended, and all that there is was read if it was successful; or
    /// when the daemon has run for a few seconds. So the call that has started the daemon is answered as any later one.
    Task<> settled();

    /// Runs `work(Port&)` on the lane's connection and thread. Throws Error disconnected at once when there is none,
    /// but waits a little for the first one.
    template <typename Work>
    Task<std::invoke_result_t<Work&, Port&>> run(Lane lane, Work work, WorkerLane::Patience patience = call_patience);

    /// How many calls run or wait in all lanes.
    [[nodiscard]] std::size_t pending() const;
    /// Whether no call runs or waits, and no connection is being closed.
    [[nodiscard]] bool is_idle() const;

    Task<MachineListing> list() override;
    Task<std::vector<InventorySource::Reading>> read(std::vector<InventorySource::Wanted> wanted) override;
    Task<std::vector<std::string>> list_pools() override;
    Task<StorageSource::Reading> read_pool(std::string name, bool look_again,
                                           std::shared_ptr<const ImageMap> known) override;
    [[nodiscard]] bool is_local() const override { return local_ && status_.info.on_this_host; }
    Task<std::vector<Network>> list_networks() override;

private:
    class Events;
    static constexpr std::size_t lane_count = 5;

    Task<> supervise();
    /// It lives at least until the task has ended.
    void spawn_owned(Task<> task, std::string_view what);
    Task<HypervisorInfo> connect();
    static Task<> warn_when_slow(std::shared_ptr<Hypervisor> self, std::shared_ptr<Latch> connected);
    Task<> stay_connected(HypervisorInfo info);
    [[nodiscard]] std::chrono::steady_clock::duration patience_left() const;
    void set_status(HypervisorStatus status);
    void set_status(ConnectionState state, std::string error = {}) {
        set_status({state, std::move(error), status_.info});
    }
    void connection_lost(std::uint64_t connection, const std::string& reason);
    void drop_ports();
    std::shared_ptr<Port> port(Lane lane) const;
    WorkerLane& lane(Lane lane) { return *lanes_.at(static_cast<std::size_t>(lane)); }

    asio::io_context& loop_;
    std::string name_;
    std::string uri_;
    bool local_;  ///< as far as the URI tells: a local socket can end elsewhere
    Settings settings_;
    std::unique_ptr<Connector> connector_;
    HypervisorStatus status_;
    HypervisorObserver* observer_ = nullptr;
    Inventory inventory_;
    Storage storage_;
    Networks networks_;
    std::array<std::shared_ptr<Port>, lane_count> ports_;
    std::uint64_t connection_ = 0;  ///< counts the connections: what an old one still tells is not heard
    std::string lost_reason_;
    Latch lost_;
    std::chrono::steady_clock::time_point started_;
    Latch attempted_;  ///< the first attempt to connect has ended, or none is made
    Latch retry_;
    bool stopping_ = false;
    std::array<std::unique_ptr<WorkerLane>, lane_count> lanes_;  // last: its threads end first
};

template <typename Work>
Task<std::invoke_result_t<Work&, Port&>> Hypervisor::run(Lane which, Work work, WorkerLane::Patience patience) {
    if (!attempted_.is_set()) co_await attempted_.wait(patience_left());
    auto call = [port = port(which), work = std::move(work)]() mutable { return work(*port); };
    co_return co_await lane(which).run(std::move(call), patience);
}

}  // namespace virtbus
