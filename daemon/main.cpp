// SPDX-License-Identifier: LGPL-2.1-or-later
// virtbusd: the composition root. Everything is made here, in the order of its dependencies, and ends in the reverse.
#include "base/log.h"
#include "base/service_manager.h"
#include "bus/audit.h"
#include "bus/authority.h"
#include "bus/connection.h"
#include "bus/paths.h"
#include "bus/tree.h"
#include "config.h"
#include "helper/container_helper_tool.h"
#include "helper/guest_helper_tool.h"
#include "helper/helper_tool.h"
#include "helper/host_helper_tool.h"
#include "libvirt/connector.h"
#include "libvirt/event_loop.h"
#include "model/host_identity.h"
#include "model/hypervisors.h"
#include "model/identities.h"
#include "model/identity_jobs.h"
#include "model/image_jobs.h"
#include "model/jobs.h"
#include "model/machine_clone.h"
#include "model/machine_jobs.h"
#include "model/machine_quota.h"
#include "model/worker_lane.h"

#include <fmt/format.h>
#include <poll.h>
#include <asio/io_context.hpp>
#include <asio/signal_set.hpp>

#include <chrono>
#include <cstdlib>
#include <exception>
#include <functional>
#include <memory>
#include <stdexcept>
#include <utility>

namespace virtbus {

namespace {

constexpr int exit_config = 78;  // sysexits(3) EX_CONFIG: systemd need not try again

/// How long calls that are under way in libvirt may take to end after SIGTERM.
constexpr std::chrono::seconds grace{2};

/// How long a virtbusd may take that is on its way out. Of one that was killed a busy bus learns late.
constexpr std::chrono::seconds handover{3};

/// How long the configuration's file may take to be read.
constexpr std::chrono::seconds read_patience{10};

std::runtime_error name_taken() {
    return std::runtime_error(fmt::format("{} is taken on this bus: virtbusd runs already", bus::bus_name));
}

/// Waits for the end of a virtbusd that still has the name: what that writes last, we are about to read. Nobody is
/// served yet, so it may block.
std::unique_ptr<sdbus::IConnection> open_free_bus(bus::BusType type) {
    auto connection = bus::open_bus(type);
    const auto daemon = sdbus::createProxy(*connection, "org.freedesktop.DBus", "/org/freedesktop/DBus");
    for (const auto end = std::chrono::steady_clock::now() + handover;;) {
        bool taken = false;
        daemon->callMethod("NameHasOwner")
            .onInterface("org.freedesktop.DBus")
            .withArguments(bus::bus_name)
            .storeResultsTo(taken);
        if (!taken) return connection;
        if (std::chrono::steady_clock::now() > end) throw name_taken();
        ::poll(nullptr, 0, 20);
    }
}

class Daemon {
public:
    /// `read` reads the configuration again, or throws ConfigError.
    Daemon(Config config, std::function<Config()> read)
        : config_(std::move(config)),
          read_(std::move(read)),
          type_(config_.user ? bus::BusType::session : bus::BusType::system),
          connection_(open_free_bus(type_)),
          managed_objects_(loop_, *connection_, bus::root_path),
          pump_(loop_, *connection_),
          callers_(loop_, *connection_, config_.limits.calls),
          authority_(type_, loop_, *connection_, callers_),
          jobs_(loop_, config_.limits.jobs),
          formats_(loop_, config_.state_directory / "formats.json"),
          journal_(loop_, config_.state_directory / "jobs.json"),
          image_tool_(std::make_shared<HelperTool>(config_.image_helper)),
          image_jobs_(jobs_, journal_, image_tool_),
          hypervisors_(loop_, formats_, config_.state_directory / "hypervisors.json", connector(), config_.hypervisors),
          machine_quota_(hypervisors_, config_.limits.machines),
          identities_(loop_, config_.state_directory / "machine-ids.json"),
          identity_jobs_(jobs_, identities_, std::make_shared<GuestHelperTool>(config_.guest_helper)),
          clones_(jobs_, journal_, image_tool_, identity_jobs_),
          host_(loop_, config_.root, std::make_shared<HostHelperTool>(config_.host_helper, config_.root), identities_) {
        hypervisors_.observe(&identities_);
        hypervisors_.observe(&adopter_);
        tree_ = std::make_unique<bus::Tree>(
            bus::Services{loop_, *connection_, callers_, authority_, audit_, managed_objects_, machine_quota_},
            bus::Model{hypervisors_, jobs_, image_jobs_, identity_jobs_, clones_,
                       std::make_shared<ContainerHelperTool>(config_.container_helper), host_, allowed_files(),
                       [this] { return reload(); }},
            service_manager::status);
    }

    void request_name() {
        try {
            connection_->requestName(bus::bus_name);
        } catch (const sdbus::Error& error) {
            if (error.getName() == "org.freedesktop.DBus.Error.FileExists") throw name_taken();
            throw;
        }
    }

    void run() {
        asio::signal_set signals(loop_, SIGTERM, SIGINT);
        signals.async_wait([this](const asio::error_code&, int) { stopping_ = true; });
        spawn(loop_, service_manager::feed_watchdog(loop_), "watchdog");
        spawn(loop_, clones_.recover(hypervisors_), "cleaning up after an earlier daemon");
        spawn(loop_, host_.start(), "watching this host's machine-id");
        hypervisors_.start();

        // Objects first, name second: whoever sees the name sees what belongs to it. Connections take their time.
        request_name();
        service_manager::ready();
        log::info(fmt::format("serving {} on the {} bus", bus::bus_name,
                              type_ == bus::BusType::session ? "session" : "system"));
        while (!stopping_) {
            pump_.turn();
            loop_.run_one();
        }
        stop();
    }

private:
    Hypervisors::MakeConnector connector() {
        return [this](const std::string& name, const std::string& uri, bool configured) {
            const Keepalive keepalive{config_.keepalive_interval, config_.keepalive_count};
            CredentialsSource credentials{config_.given_credentials, config_.credentials_directory, name, !configured};
            return std::make_unique<LibvirtConnector>(events_, uri, keepalive, std::move(credentials));
        };
    }

    [[nodiscard]] AllowedFiles allowed_files() const {
        return AllowedFiles(config_.allowed.files, config_.allowed.roots);
    }

    Task<> reload() {
        service_manager::reloading();
        std::exception_ptr failure;
        try {
            auto read = read_;
            auto config = co_await files_.run(std::move(read), read_patience);
            if (stopping_) throw Error(Code::busy, "virtbusd is stopping");
            config_ = std::move(config);
            log::set_level(config_.log_level);
            tree_->allow(allowed_files());
            hypervisors_.reconfigure(config_.hypervisors);
            log::info("the configuration was read again");
        } catch (const ConfigError& error) {
            log::error(fmt::format("the configuration stays as it was: {}", error.what()));
            failure = std::make_exception_ptr(Error(Code::failed, error.what()));
        } catch (...) {
            failure = std::current_exception();
        }
        service_manager::ready();
        if (failure) std::rethrow_exception(failure);
    }

    void stop() {
        log::info("stopping");
        service_manager::stopping();
        connection_->releaseName(bus::bus_name);  // who calls now gets the next virtbusd, or hears that there is none
        tree_.reset();                            // answers whoever still waits
        jobs_.stop();
        hypervisors_.stop();

        bool late = false;
        asio::steady_timer deadline(loop_, grace);
        deadline.async_wait([&late](const asio::error_code& error) { late = !error; });
        // What still comes over the bus is left to it: it tells the callers that we are gone. There are no objects any
        // more, and "unknown method" would be no answer.
        while (!hypervisors_.is_idle() && !late) loop_.run_one();
        if (hypervisors_.is_idle()) return;
        // A thread hangs in a libvirt call that nothing can end; joining it would hang as well.
        log::warning("ending while calls to libvirt are still under way");
        std::_Exit(EXIT_SUCCESS);
    }

    Config config_;
    std::function<Config()> read_;
    bus::BusType type_;
    EventLoop events_;
    std::unique_ptr<sdbus::IConnection> connection_;
    bus::ManagedObjects managed_objects_;
    asio::io_context loop_;
    bus::Pump pump_;
    bus::Callers callers_;
    bus::Authority authority_;
    bus::Audit audit_;
    Jobs jobs_;
    ImageFormats formats_;
    JobJournal journal_;
    std::shared_ptr<ImageTool> image_tool_;
    ImageJobs image_jobs_;
    Hypervisors hypervisors_;
    MachineQuota machine_quota_;
    Identities identities_;
    JobAdopter adopter_{jobs_};
    IdentityJobs identity_jobs_;
    MachineClones clones_;
    HostIdentity host_;
    std::unique_ptr<bus::Tree> tree_;
    WorkerLane files_{loop_, "the configuration", 1, 100};
    bool stopping_ = false;
};

int run(int argc, char** argv) {
    try {
        const auto read = [argc, argv] { return read_config(argc, argv); };
        auto config = read();
        log::set_level(config.log_level);
        Daemon(std::move(config), read).run();
        return EXIT_SUCCESS;
    } catch (const ConfigError& error) {
        log::error(error.what());
        return exit_config;
    } catch (const sdbus::Error& error) {
        log::error(fmt::format("the bus: {} ({})", error.getMessage(), error.getName()));
    } catch (const std::exception& error) {
        log::error(error.what());
    }
    return EXIT_FAILURE;
}

}  // namespace

}  // namespace virtbus

int main(int argc, char** argv) { return virtbus::run(argc, argv); }
