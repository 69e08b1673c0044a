// SPDX-License-Identifier: LGPL-2.1-or-later
// virtbusd: the composition root. Everything is made here, in the order of its dependencies, and ends in the reverse.
#include "base/log.h"
#include "base/service_manager.h"
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
#include "model/hypervisor.h"
#include "model/identities.h"
#include "model/identity_jobs.h"
#include "model/image_jobs.h"
#include "model/image_work.h"
#include "model/jobs.h"
#include "model/machine_clone.h"
#include "model/machine_jobs.h"
#include "model/uri.h"

#include <asio/io_context.hpp>
#include <asio/signal_set.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <memory>
#include <vector>

namespace virtbus {

namespace {

constexpr int exit_config = 78;  // sysexits(3) EX_CONFIG: systemd need not try again

/// How long calls that are under way in libvirt may take to end after SIGTERM.
constexpr std::chrono::seconds grace{2};

class Daemon {
public:
    explicit Daemon(const Config& config)
        : type_(config.user ? bus::BusType::session : bus::BusType::system),
          connection_(bus::open_bus(type_)),
          managed_objects_(loop_, *connection_, bus::root_path),
          pump_(loop_, *connection_),
          callers_(loop_, *connection_),
          authority_(type_, callers_),
          jobs_(loop_),
          formats_(loop_, config.state_directory / "formats.json"),
          journal_(loop_, config.state_directory / "jobs.json"),
          image_tool_(std::make_shared<HelperTool>(config.helper)),
          image_jobs_(jobs_, journal_, image_tool_),
          hypervisors_(make_hypervisors(loop_, events_, formats_, config)),
          identities_(loop_, config.state_directory / "machine-ids.json"),
          identity_jobs_(jobs_, identities_, std::make_shared<GuestHelperTool>(config.guest_helper)),
          clones_(jobs_, journal_, image_tool_, identity_jobs_),
          host_(loop_, config.root, std::make_shared<HostHelperTool>(config.helper, config.root), identities_) {
        for (const auto& hypervisor : hypervisors_) identities_.follow(*hypervisor);
        tree_ = std::make_unique<bus::Tree>(
            bus::Services{loop_, *connection_, authority_, managed_objects_},
            bus::Model{hypervisors_, jobs_, image_jobs_, identity_jobs_, clones_,
                       std::make_shared<ContainerHelperTool>(config.container_helper), host_,
                       AllowedFiles(config.allowed_directories, config.container_directories)},
            service_manager::status);
    }

    void run() {
        asio::signal_set signals(loop_, SIGTERM, SIGINT);
        signals.async_wait([this](const asio::error_code&, int) { stopping_ = true; });
        spawn(loop_, service_manager::feed_watchdog(loop_), "watchdog");
        spawn(loop_, journal_.recover(image_tool_, is_there(), remove_published()),
              "cleaning up after an earlier daemon");
        spawn(loop_, host_.start(), "watching this host's machine-id");
        for (const auto& hypervisor : hypervisors_) {
            hypervisor->inventory().on_job_begun(
                [this, weak = std::weak_ptr(hypervisor)](const Machine& machine) {
                    adopt_job(jobs_, weak.lock(), machine);
                });
            hypervisor->start();
        }

        // Objects first, name second: whoever sees the name sees what belongs to it. Connections take their time.
        connection_->requestName(bus::bus_name);
        service_manager::ready();
        log::info(fmt::format("serving {} on the {} bus", bus::bus_name,
                              type_ == bus::BusType::session ? "session" : "system"));
        turn_until([this] { return stopping_; });
        stop();
    }

private:
    static std::vector<std::shared_ptr<Hypervisor>> make_hypervisors(asio::io_context& loop, const EventLoop& events,
                                                                     ImageFormats& formats, const Config& config) {
        std::vector<std::shared_ptr<Hypervisor>> hypervisors;
        for (const auto& [name, uri] : config.hypervisors) {
            auto connector = std::make_unique<LibvirtConnector>(
                events, uri, Keepalive{config.keepalive_interval, config.keepalive_count});
            hypervisors.push_back(
                std::make_shared<Hypervisor>(loop, name, public_uri(uri), std::move(connector), formats));
        }
        return hypervisors;
    }

    /// For the copies of machines that an earlier daemon was making.
    JobJournal::IsThere is_there() {
        return [this](MachineRef machine) -> Task<bool> {
            const auto hypervisor = hypervisor_of(machine);
            auto& inventory = hypervisor->inventory();
            co_await inventory.listed().wait();
            co_await inventory.refreshed(machine.uuid);  // a listing leaves out what cannot be read
            co_return inventory.find(machine.uuid) != nullptr;
        };
    }
    JobJournal::RemovePublished remove_published() {
        return [this](JobJournal::Entry entry) -> Task<> {
            const auto hypervisor = hypervisor_of(entry.machine.value());
            co_await remove_untouched(hypervisor, entry.directory, entry.name, entry.published);
        };
    }
    [[nodiscard]] std::shared_ptr<Hypervisor> hypervisor_of(const MachineRef& machine) const {
        for (const auto& hypervisor : hypervisors_)
            if (hypervisor->name() == machine.hypervisor) return hypervisor;
        throw Error(Code::no_such_hypervisor, "there is no hypervisor " + machine.hypervisor + " any more");
    }

    template <typename Condition>
    void turn_until(Condition condition) {
        while (!condition()) {
            pump_.turn();
            loop_.run_one();
        }
    }

    void stop() {
        log::info("stopping");
        service_manager::stopping();
        tree_.reset();  // answers whoever still waits
        jobs_.stop();
        for (const auto& hypervisor : hypervisors_) hypervisor->stop();

        const auto idle = [this] {
            return std::all_of(hypervisors_.begin(), hypervisors_.end(),
                               [](const auto& hypervisor) { return hypervisor->pending() == 0; });
        };
        bool late = false;
        asio::steady_timer deadline(loop_, grace);
        deadline.async_wait([&late](const asio::error_code& error) { late = !error; });
        turn_until([&] { return idle() || late; });
        if (idle()) return;
        // A thread hangs in a libvirt call that nothing can end; joining it would hang as well.
        log::warning("ending while calls to libvirt are still under way");
        std::_Exit(EXIT_SUCCESS);
    }

    bus::BusType type_;
    EventLoop events_;
    std::unique_ptr<sdbus::IConnection> connection_;
    bus::ManagedObjects managed_objects_;
    asio::io_context loop_;
    bus::Pump pump_;
    bus::Callers callers_;
    bus::Authority authority_;
    Jobs jobs_;
    ImageFormats formats_;
    JobJournal journal_;
    std::shared_ptr<ImageTool> image_tool_;
    ImageJobs image_jobs_;
    std::vector<std::shared_ptr<Hypervisor>> hypervisors_;
    Identities identities_;
    IdentityJobs identity_jobs_;
    MachineClones clones_;
    HostIdentity host_;
    std::unique_ptr<bus::Tree> tree_;
    bool stopping_ = false;
};

int run(int argc, char** argv) {
    try {
        const auto config = read_config(argc, argv);
        log::set_level(config.log_level);
        Daemon(config).run();
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
