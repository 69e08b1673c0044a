// SPDX-License-Identifier: LGPL-2.1-or-later
#include "server.h"

#include "base/log.h"
#include "bus/audit.h"
#include "bus/authority.h"
#include "bus/callers.h"
#include "bus/paths.h"
#include "bus/tree.h"
#include "model/host_identity.h"
#include "model/hypervisors.h"
#include "model/identities.h"
#include "model/identity_jobs.h"
#include "model/image_jobs.h"
#include "model/machine_clone.h"
#include "model/machine_jobs.h"
#include "model/machine_quota.h"

#include <asio/post.hpp>

#include <cstdlib>
#include <exception>
#include <iostream>
#include <map>

namespace virtbus::test {

/// Members and their order are those of daemon/main.cpp.
class Server::Daemon {
public:
    Daemon(bus::BusType type, const Hypervisors& hypervisors, const Hypervisors& more, std::shared_ptr<ImageTool> tool,
           std::shared_ptr<GuestTool> guests, std::shared_ptr<ContainerTool> containers, const std::string& root,
           const AllowedFiles& allowed, const Limits& limits)
        : connection_(bus::open_bus(type)),
          managed_objects_(loop_, *connection_, bus::root_path),
          pump_(loop_, *connection_),
          callers_(loop_, *connection_, limits.calls),
          authority_(type, loop_, *connection_, callers_),
          jobs_(loop_, limits.jobs),
          formats_(loop_, state_.path / "formats.json"),
          journal_(loop_, state_.path / "jobs.json"),
          image_jobs_(jobs_, journal_, tool),
          hypervisors_(loop_, formats_, state_.path / "hypervisors.json", connector(hypervisors, more),
                       configured(hypervisors)),
          machine_quota_(hypervisors_, limits.machines),
          identities_(loop_, state_.path / "machine-ids.json"),
          identity_jobs_(jobs_, identities_, std::move(guests)),
          clones_(jobs_, journal_, std::move(tool), identity_jobs_),
          host_(loop_, root, std::make_shared<DirectHostTool>(root), identities_) {
        hypervisors_.observe(&identities_);
        hypervisors_.observe(&adopter_);
        tree_ = std::make_unique<bus::Tree>(
            bus::Services{loop_, *connection_, callers_, authority_, audit_, managed_objects_, machine_quota_},
            bus::Model{hypervisors_, jobs_, image_jobs_, identity_jobs_, clones_, std::move(containers), host_, allowed,
                       []() -> Task<> { co_return; }},
            [](const std::string&) {});
        spawn(loop_, host_.start(), "watching this host's machine-id");
        hypervisors_.start();
        connection_->requestName(bus::bus_name);
    }

    void run() {
        turn_until([this] { return stopping_; });
        stop();
    }
    /// From any thread.
    void begin_to_stop() {
        asio::post(loop_, [this] { stopping_ = true; });
    }

private:
    template <typename Condition>
    void turn_until(Condition condition) {
        while (!condition()) {
            pump_.turn();
            loop_.run_one();
        }
    }

    void stop() {
        tree_.reset();
        jobs_.stop();
        hypervisors_.stop();
        turn_until([this] { return hypervisors_.is_idle(); });
    }

    static ConfiguredHypervisors configured(const Hypervisors& fakes) {
        ConfiguredHypervisors configured;
        for (const auto& [name, fake] : fakes) configured.uris[name] = "fake:///" + name;
        configured.where = "the test's configuration";
        return configured;
    }
    /// To the fake of that name, be it configured or to be added.
    static virtbus::Hypervisors::MakeConnector connector(const Hypervisors& fakes, const Hypervisors& more) {
        std::map<std::string, std::shared_ptr<FakeHypervisor>> all(fakes.begin(), fakes.end());
        all.insert(more.begin(), more.end());
        return [all](const std::string& name, const std::string&, bool) { return all.at(name)->connector(); };
    }

    std::unique_ptr<sdbus::IConnection> connection_;
    bus::ManagedObjects managed_objects_;
    asio::io_context loop_;
    bus::Pump pump_;
    bus::Callers callers_;
    bus::Authority authority_;
    bus::Audit audit_;
    Jobs jobs_;
    TemporaryDirectory state_;
    ImageFormats formats_;
    JobJournal journal_;
    ImageJobs image_jobs_;
    virtbus::Hypervisors hypervisors_;
    MachineQuota machine_quota_;
    Identities identities_;
    JobAdopter adopter_{jobs_};
    IdentityJobs identity_jobs_;
    MachineClones clones_;
    HostIdentity host_;
    std::unique_ptr<bus::Tree> tree_;
    bool stopping_ = false;
};

Server::Server(const PrivateBus& bus, Hypervisors hypervisors, bus::BusType type, AllowedFiles allowed,
               Hypervisors more, Limits limits)
    : hypervisors_(std::move(hypervisors)),
      more_(std::move(more)),
      tool_(std::make_shared<FakeTool>(hypervisors_.front().second->storage())),
      guests_(std::make_shared<FakeGuests>()),
      containers_(std::make_shared<FakeContainers>()) {
    std::filesystem::create_directories(root_.path / "etc");
    std::filesystem::create_directories(root_.path / "var/lib/dbus");
    const char* variable = type == bus::BusType::session ? "DBUS_SESSION_BUS_ADDRESS" : "DBUS_SYSTEM_BUS_ADDRESS";
    ::setenv(variable, bus.address().c_str(), 1);
    log::set_level(log::Level::err);
    std::promise<void> ready;
    auto is_ready = ready.get_future();
    thread_ =
        std::thread([this, type, allowed = std::move(allowed), limits, &ready] { run(type, allowed, limits, ready); });
    try {
        is_ready.get();
    } catch (...) {
        thread_.join();
        throw;
    }
}

Server::~Server() {
    for (const auto* fakes : {&hypervisors_, &more_})
        for (const auto& [name, fake] : *fakes) fake->release_all();
    tool_->release();
    begin_to_stop();
    thread_.join();
}

void Server::begin_to_stop() { daemon_->begin_to_stop(); }

void Server::run(bus::BusType type, const AllowedFiles& allowed, const Limits& limits, std::promise<void>& ready) {
    try {
        daemon_ = std::make_unique<Daemon>(type, hypervisors_, more_, tool_, guests_, containers_, root_.path, allowed,
                                           limits);
    } catch (...) {
        ready.set_exception(std::current_exception());
        return;
    }
    ready.set_value();
    try {
        daemon_->run();
    } catch (const std::exception& error) {
        std::cerr << "the server has ended with an error: " << error.what() << '\n';
        std::abort();
    }
}

}  // namespace virtbus::test
