// SPDX-License-Identifier: LGPL-2.1-or-later
// The port implemented: a few libvirt connections. Its functions block, and are called on several worker threads at
// once. They are in four files, as in model/port.h: reading, making, running, settings.
#pragma once

#include "libvirt/connection_pool.h"
#include "libvirt/console.h"
#include "libvirt/domain.h"
#include "libvirt/libvirt_network.h"
#include "libvirt/libvirt_storage.h"
#include "libvirt/reservations.h"
#include "libvirt/subscription.h"
#include "model/port.h"

#include <memory>
#include <string>
#include <vector>

namespace virtbus {

class LibvirtPort : public Port {
public:
    /// `open` makes the connections of the consoles.
    LibvirtPort(std::unique_ptr<ConnectionPool> connections, std::unique_ptr<Subscription> subscription, Opener open);
    /// Ends its consoles, deregisters and closes: may block.
    ~LibvirtPort() override;

    HypervisorInfo describe() override;
    MachineListing list() override;
    std::optional<Machine> read(const Uuid& uuid) override;
    std::optional<Machine> read_state(const Machine& known) override;
    std::string capabilities_xml() override;
    MachineXml machine_xml(const Uuid& uuid, bool inactive) override;

    Uuid create(const MachineSpec& spec) override;
    Uuid define(const std::string& xml, std::uint32_t owner) override;
    Uuid define_copy(const Uuid& source, const MachineCopy& copy) override;
    void check_copy(const Uuid& source, const MachineCopy& copy) override;
    void redefine(const Uuid& uuid, const std::string& xml, std::optional<std::uint64_t> expected) override;
    void remove(const Uuid& uuid, bool force) override;

    void start(const Uuid& uuid, const StartOptions& options) override;
    void shutdown(const Uuid& uuid, GuestMode mode) override;
    void reboot(const Uuid& uuid, GuestMode mode) override;
    void power_off(const Uuid& uuid, bool graceful) override;
    void reset(const Uuid& uuid) override;
    void pause(const Uuid& uuid) override;
    void resume(const Uuid& uuid) override;
    void save(const Uuid& uuid) override;
    void abort_job(const Uuid& uuid) override;
    std::optional<JobProgress> job_progress(const Uuid& uuid) override;

    void rename(const Uuid& uuid, const std::string& name) override;
    void set_autostart(const Uuid& uuid, bool autostart) override;
    void set_memory(const Uuid& uuid, const MemoryChange& change) override;
    void set_vcpus(const Uuid& uuid, const VcpuChange& change) override;
    void set_title(const Uuid& uuid, const std::string& title) override;
    void set_description(const Uuid& uuid, const std::string& description) override;
    void set_tags(const Uuid& uuid, const std::vector<std::string>& tags) override;

    UniqueFd open_console(const Uuid& uuid, bool force) override;
    std::vector<UniqueFd> open_namespaces(const Uuid& uuid) override;

    void resize_disk(const Uuid& uuid, const std::string& path, std::uint64_t size) override;
    std::vector<Address> read_addresses(const Uuid& uuid, AddressSource source) override;
    GuestIdentity read_guest_identity(const Uuid& uuid) override;
    GuestIdentity change_guest_identity(const Uuid& uuid, const IdentityChange& change) override;

    StoragePort& storage() override { return storage_; }
    NetworkPort& networks() override { return networks_; }

private:
    /// The machine, with a connection to deal with it.
    [[nodiscard]] Domain find(const Uuid& uuid) { return Domain::find(connections_->take(), uuid); }

    std::unique_ptr<ConnectionPool> connections_;
    LibvirtStorage storage_;
    LibvirtNetwork networks_;
    std::unique_ptr<Subscription> subscription_;  // ends before the connections
    Opener open_;

    // libvirt changes an existing machine where it was asked to define a new one of the same UUID: between our looking
    // and defining no other of our calls may come.
    Reservations defining_;

    std::mutex consoles_mutex_;
    std::vector<std::unique_ptr<Console>> consoles_;  // end first
};

/// libvirt's job on the machine, or nothing.
std::optional<JobProgress> read_job(const Domain& domain);

std::string read_uri(virConnectPtr connection);
std::string read_capabilities_xml(virConnectPtr connection);

/// Removes the definition and, with `force`, what libvirt keeps beside it: saved memory, snapshots, checkpoints. The
/// variables of its firmware go with it always.
void undefine(const Domain& domain, bool force);

}  // namespace virtbus
