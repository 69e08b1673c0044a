// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/hypervisor.h"

#include "base/log.h"
#include "model/uri.h"

#include <fmt/format.h>
#include <asio/post.hpp>

#include <algorithm>
#include <optional>
#include <random>

namespace virtbus {

namespace {

using namespace std::chrono_literals;

// Each thread has a libvirt connection to itself (libvirt/connection_pool.h), so these are also numbers of connections.
constexpr std::array<std::size_t, 5> lane_threads{4, 4, 2, 4, 2};
constexpr std::array<std::string_view, 5> lane_names{"reading", "work", "control", "images", "guest agents"};
constexpr std::size_t lane_most = 256;

/// After this the state says that the hypervisor does not answer; the attempt goes on, as libvirt cannot end it.
constexpr auto connect_patience = 20s;
constexpr auto first_reconnect = 1s;
constexpr auto last_reconnect = 60s;

/// What libvirt has no event for, such as autostart or a removed saved image, is found by listing again.
constexpr auto reconcile_interval = 10min;

/// How far the time of a file may lie behind ours.
constexpr auto file_clock_error = 2s;

/// Not all hypervisors of a network at the same moment.
std::chrono::milliseconds with_jitter(std::chrono::milliseconds interval) {
    static std::minstd_rand random{std::random_device{}()};
    return interval + std::chrono::milliseconds(random() % static_cast<unsigned>(interval.count() / 4 + 1));
}

/// What was looked up here of files that are on another host: it is of others, which have the same paths.
void forget_files(ImageMap& images) {
    for (auto& [name, image] : images) {
        auto elsewhere = *image;
        elsewhere.stamp = {};
        elsewhere.changed = 0;
        elsewhere.external_data = false;
        image = std::make_shared<const Image>(std::move(elsewhere));
    }
}

/// What libvirt says of a file is as old as its last look at the pool, and the file may be another by now. What is new
/// and has changed `since` must be read again after the next look, whatever its stamp.
void distrust(ImageMap& images, const ImageMap& known, std::chrono::nanoseconds since) {
    for (auto& [name, image] : images) {
        const auto before = known.find(name);
        if (before != known.end() && before->second == image) continue;
        if (image->stamp.changed < since.count()) continue;
        auto doubtful = *image;
        doubtful.stamp.changed = 0;
        image = std::make_shared<const Image>(std::move(doubtful));
    }
}

}  // namespace

std::string_view to_string(ConnectionState state) {
    switch (state) {
        case ConnectionState::connecting: return "connecting";
        case ConnectionState::connected: return "connected";
        case ConnectionState::failed: return "failed";
        case ConnectionState::disconnected: return "disconnected";
    }
    return "";
}

/// Carries what a port tells from libvirt's thread to the main thread, and says from which connection it came.
class Hypervisor::Events final : public PortEvents {
public:
    Events(asio::io_context& loop, std::weak_ptr<Hypervisor> hypervisor, std::uint64_t connection)
        : loop_(loop), hypervisor_(std::move(hypervisor)), connection_(connection) {}

    void touched(const Uuid& uuid) override {
        post([uuid](Hypervisor& hypervisor) { hypervisor.inventory_.touch(uuid); });
    }
    void happened(const Uuid& uuid, const LifecycleEvent& event) override {
        post([uuid, event](Hypervisor& hypervisor) { hypervisor.inventory_.happened(uuid, event); });
    }
    void pool_touched(const std::string& name) override {
        post([name](Hypervisor& hypervisor) {
            if (offers(hypervisor.status_.info, Feature::pools)) hypervisor.storage_.touch(name);
        });
    }
    void networks_touched() override {
        post([](Hypervisor& hypervisor) { hypervisor.networks_.touch(); });
    }
    void closed(const std::string& reason) override {
        post([reason, connection = connection_](Hypervisor& hypervisor) {
            hypervisor.connection_lost(connection, reason);
        });
    }

private:
    template <typename Tell>
    void post(Tell tell) {
        asio::post(loop_, [hypervisor = hypervisor_, tell = std::move(tell)] {
            if (const auto alive = hypervisor.lock()) tell(*alive);
        });
    }

    asio::io_context& loop_;
    std::weak_ptr<Hypervisor> hypervisor_;
    std::uint64_t connection_;
};

Hypervisor::Hypervisor(asio::io_context& loop, std::string name, std::string uri, std::unique_ptr<Connector> connector,
                       ImageFormats& formats, Settings settings)
    : loop_(loop),
      name_(std::move(name)),
      uri_(std::move(uri)),
      local_(is_local_uri(uri_)),
      settings_(settings),
      connector_(std::move(connector)),
      inventory_(loop, *this),
      storage_(loop, *this, inventory_, formats),
      networks_(loop, *this),
      lost_(loop.get_executor()),
      attempted_(loop.get_executor()),
      retry_(loop.get_executor()) {
    for (std::size_t i = 0; i < lane_count; ++i)
        lanes_.at(i) = std::make_unique<WorkerLane>(loop, fmt::format("hypervisor {} ({})", name_, lane_names.at(i)),
                                                    lane_threads.at(i), lane_most);
    attempted_.set();  // until start() makes one
    inventory_.on_disks_changed([this](const auto& sources) { storage_.users_changed(sources); });
}

void Hypervisor::start() {
    attempted_.reset();
    started_ = std::chrono::steady_clock::now();
    spawn_owned(inventory_.run(), "inventory");
    spawn_owned(storage_.run(), "pools");
    spawn_owned(networks_.run(), "networks");
    spawn_owned(supervise(), "connection");
}

void Hypervisor::spawn_owned(Task<> task, std::string_view what) {
    const auto owned = [](std::shared_ptr<Hypervisor> self, Task<> work) -> Task<> {
        co_await std::move(work);
        static_cast<void>(self);
    };
    spawn(loop_, owned(shared_from_this(), std::move(task)), fmt::format("{} of {}", what, name_));
}

void Hypervisor::stop() {
    if (std::exchange(stopping_, true)) return;
    inventory_.stop();
    storage_.stop();
    networks_.stop();
    retry_.set();
    lost_.set();
    attempted_.set();
    drop_ports();
    // The control lane ends last, for connections are closed on it. One that hangs keeps only its own threads.
    for (const auto& each : lanes_)
        if (&*each != &lane(Lane::control)) spawn_owned(each->end(), "a lane");
}

Task<> Hypervisor::settled() {
    if (!attempted_.is_set()) co_await attempted_.wait(patience_left());
    if (status_.connection != ConnectionState::connected) co_return;
    if (!inventory_.listed().is_set()) co_await inventory_.listed().wait(patience_left());
    if (!storage_.listed().is_set()) co_await storage_.listed().wait(patience_left());
    if (!networks_.listed().is_set()) co_await networks_.listed().wait(patience_left());
}

std::chrono::steady_clock::duration Hypervisor::patience_left() const {
    return std::max<std::chrono::steady_clock::duration>(started_ + first_patience - std::chrono::steady_clock::now(),
                                                         0ns);
}

Task<> Hypervisor::supervise() {
    std::chrono::milliseconds retry = first_reconnect;
    while (!stopping_) {
        set_status(ConnectionState::connecting, status_.error);
        std::optional<HypervisorInfo> info;
        std::string failure;
        try {
            info = co_await connect();
        } catch (const std::exception& error) {
            failure = error.what();
        }
        if (stopping_) break;
        if (info) {
            retry = first_reconnect;
            attempted_.set();
            co_await stay_connected(std::move(*info));
        } else {
            set_status(ConnectionState::failed, failure);
            attempted_.set();
        }
        if (stopping_) break;
        retry_.reset();
        co_await retry_.wait(with_jitter(retry));
        retry = std::min<std::chrono::milliseconds>(retry * 2, last_reconnect);
    }
    drop_ports();
    co_await lane(Lane::control).end();
}

Task<HypervisorInfo> Hypervisor::connect() {
    drop_ports();
    lost_.reset();
    lost_reason_.clear();
    ++connection_;
    const auto events = std::make_shared<Events>(loop_, weak_from_this(), connection_);

    struct Connected {
        std::array<std::shared_ptr<Port>, lane_count> ports;
        HypervisorInfo info;
    };
    auto attempt = [&connector = *connector_, events] {
        Connected connected;
        for (std::size_t i = 0; i < lane_count; ++i)
            connected.ports.at(i) = connector.connect(static_cast<Lane>(i), events);
        connected.info = connected.ports.front()->describe();
        return connected;
    };
    // libvirt's open cannot be ended and may last for ever. It is waited for, and a second is never begun beside it.
    const auto alarm = std::make_shared<Latch>(loop_.get_executor());
    spawn(loop_, warn_when_slow(shared_from_this(), alarm), "connecting to " + name_);
    std::exception_ptr failure;
    Connected connected;
    try {
        connected = co_await lane(Lane::control).run(std::move(attempt), WorkerLane::Patience::max());
    } catch (...) {
        failure = std::current_exception();
    }
    alarm->set();
    if (failure) std::rethrow_exception(failure);
    ports_ = std::move(connected.ports);
    co_return std::move(connected.info);
}

Task<> Hypervisor::warn_when_slow(std::shared_ptr<Hypervisor> self, std::shared_ptr<Latch> connected) {
    const bool in_time = co_await connected->wait(connect_patience);
    if (in_time || self->stopping_) co_return;
    self->set_status(ConnectionState::failed, fmt::format("{} does not answer; still waiting for it", self->uri_));
}

Task<> Hypervisor::stay_connected(HypervisorInfo info) {
    set_status({ConnectionState::connected, {}, std::move(info)});
    const bool untold = poll_interval() > 0s;
    const std::chrono::seconds interval = untold ? poll_interval() : reconcile_interval;
    inventory_.set_untold(untold);
    inventory_.relist(true);
    storage_.relist();
    networks_.touch();
    for (;;) {
        const bool lost = co_await lost_.wait(interval);
        if (lost) break;
        inventory_.relist(false);
        storage_.relist();
        networks_.touch();
    }
    drop_ports();
    if (!stopping_) set_status(ConnectionState::disconnected, lost_reason_);
}

void Hypervisor::connection_lost(std::uint64_t connection, const std::string& reason) {
    if (connection != connection_) return;
    lost_reason_ = reason;
    lost_.set();
}

void Hypervisor::drop_ports() {
    // Closing a connection may block, so the last reference goes on a worker thread.
    for (auto& port : ports_)
        if (port) lane(Lane::control).run_detached([port = std::exchange(port, nullptr)]() mutable { port.reset(); });
}

void Hypervisor::set_status(HypervisorStatus status) {
    if (status == status_) return;
    const auto before = std::exchange(status_, std::move(status));
    const bool bad =
        status_.connection == ConnectionState::failed || status_.connection == ConnectionState::disconnected;
    const bool expected = settings_.origin == Origin::candidate && before.connection == ConnectionState::connecting;
    log::write(bad && !expected ? log::Level::warning : log::Level::info,
               fmt::format("hypervisor {} ({}): {}{}{}", name_, uri_, to_string(status_.connection),
                           status_.error.empty() ? "" : ": ", status_.error),
               {{"VIRTBUS_HYPERVISOR", name_}});
    if (observer_ != nullptr) observer_->status_changed(before, status_);
}

std::shared_ptr<Port> Hypervisor::port(Lane lane) const {
    const auto& port = ports_.at(static_cast<std::size_t>(lane));
    if (!port)
        throw Error(Code::disconnected, fmt::format("hypervisor {} is {}{}{}", name_, to_string(status_.connection),
                                                    status_.error.empty() ? "" : ": ", status_.error));
    return port;
}

std::size_t Hypervisor::pending() const {
    std::size_t pending = 0;
    for (const auto& lane : lanes_) pending += lane->pending();
    return pending;
}

bool Hypervisor::is_idle() const {
    return std::all_of(lanes_.begin(), lanes_.end(), [](const auto& lane) { return lane->is_idle(); });
}

Task<MachineListing> Hypervisor::list() {
    co_return co_await run(Lane::query, [](Port& port) { return port.list(); });
}

Task<std::vector<InventorySource::Reading>> Hypervisor::read(std::vector<InventorySource::Wanted> wanted) {
    auto work = [wanted = std::move(wanted)](Port& port) {
        std::vector<InventorySource::Reading> readings(wanted.size());
        for (std::size_t i = 0; i < wanted.size(); ++i) {
            const auto& [uuid, known] = wanted[i];
            try {
                readings[i].machine = known ? port.read_state(*known) : port.read(uuid);
            } catch (const Error& error) {
                if (error.code() == Code::disconnected) throw;
                log::warning(fmt::format("machine {} cannot be read: {}", uuid.text(), error.what()),
                             {{"VIRTBUS_MACHINE", uuid.text()}});
                readings[i].failure = std::current_exception();
            }
        }
        return readings;
    };
    co_return co_await run(Lane::query, std::move(work));
}

Task<std::vector<std::string>> Hypervisor::list_pools() {
    if (!offers(status_.info, Feature::pools)) co_return std::vector<std::string>();
    co_return co_await run(Lane::query, [](Port& port) { return port.storage().list_pools(); });
}

Task<std::vector<Network>> Hypervisor::list_networks() {
    co_return co_await run(Lane::query, [](Port& port) { return port.networks().list_networks(); });
}

Task<StorageSource::Reading> Hypervisor::read_pool(std::string name, bool look_again,
                                                   std::shared_ptr<const ImageMap> known) {
    std::chrono::nanoseconds trusted_until{0};
    std::exception_ptr failure;
    if (look_again) {
        const auto now = std::chrono::system_clock::now().time_since_epoch();
        // Not among the reads: it may wait for a file system that does not answer. Nor among the transfers, which may
        // have all their threads for hours.
        auto refresh = [name](Port& port) {
            try {
                port.storage().refresh_pool(name);
            } catch (const Error& error) {
                if (error.code() != Code::no_such_pool) throw;  // which the reading finds as well
            }
        };
        try {
            co_await run(Lane::work, std::move(refresh));
            trusted_until = now - file_clock_error;  // the clock of the file system need not be this host's
        } catch (const Error& error) {
            if (error.code() == Code::disconnected) throw;
            failure = std::current_exception();
        }
    }
    auto work = [name = std::move(name), failure, known = std::move(known), trusted_until,
                 here = is_local()](Port& port) {
        StorageSource::Reading reading;
        reading.failure = failure;
        reading.pool = port.storage().read_pool(name);
        if (reading.pool) reading.images = port.storage().list_images(name, *known);
        if (here)
            distrust(reading.images, *known, trusted_until);
        else
            forget_files(reading.images);
        return reading;
    };
    co_return co_await run(Lane::query, std::move(work));
}

}  // namespace virtbus
