// SPDX-License-Identifier: LGPL-2.1-or-later
// The one port between the model and a hypervisor: what libvirt/ implements, and what tests fake. A Port is what one
// lane has of the hypervisor, with connections of its own. Its functions block and throw Error; they are called on
// worker threads, several at once.
#pragma once

#include "base/unique_fd.h"
#include "model/guest_tool.h"
#include "model/hypervisor_info.h"
#include "model/machine.h"
#include "model/machine_copy.h"
#include "model/machine_spec.h"
#include "model/network_port.h"
#include "model/storage_port.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace virtbus {

/// What a connection is for. Each lane has its own, so that nothing slow can stop a read or an emergency stop.
enum class Lane {
    query,     ///< events and reads
    work,      ///< whatever changes something and may take long
    control,   ///< power off and abort: always free
    transfer,  ///< copying and checking images, which may take hours
    agent,     ///< talking to guests, which may keep silent
};

/// What a port tells by itself. Called on any thread, even while the port is still being connected; must only note
/// and return.
class PortEvents {
public:
    virtual ~PortEvents() = default;

    /// Something of this machine may have changed: read it again.
    virtual void touched(const Uuid& uuid) = 0;
    /// A lifecycle event, which also means that it may have changed.
    virtual void happened(const Uuid& uuid, const LifecycleEvent& event) = 0;
    /// A pool came, went, or may have changed.
    virtual void pool_touched(const std::string& name) = 0;
    /// A network came, went, or may have changed.
    virtual void networks_touched() = 0;
    /// A connection is dead; why, for people. Called at most once a port.
    virtual void closed(const std::string& reason) = 0;
};

enum class GuestMode { automatic, acpi, agent };

struct StartOptions {
    bool paused = false;
    bool discard_saved = false;
};

struct MemoryChange {
    std::uint64_t current = 0;
    std::optional<std::uint64_t> maximum;  ///< only of a machine that is off
};

struct VcpuChange {
    std::uint32_t current = 0;
    std::optional<std::uint32_t> maximum;  ///< only of a machine that is off
};

/// libvirt's job on a machine: its progress in bytes.
struct JobProgress {
    std::uint64_t processed = 0;
    std::uint64_t total = 0;
    std::uint64_t remaining_usec = 0;
    std::string kind;  ///< in the words of Job.Kind; "" where libvirt does not say
};

struct MachineXml {
    std::string text;              ///< the domain XML, without secrets
    std::uint64_t definition = 0;  ///< as Machine::definition, when it was read
};

class Port {
public:
    virtual ~Port() = default;

    // Reading.
    virtual HypervisorInfo describe() = 0;
    /// All machines. One that cannot be read is logged, and never spoils the others.
    virtual MachineListing list() = 0;
    /// One machine, or nothing if there is none.
    virtual std::optional<Machine> read(const Uuid& uuid) = 0;
    /// `known` with what a pause or a resumption changes read anew: its state and its job.
    virtual std::optional<Machine> read_state(const Machine& known) = 0;
    virtual std::string capabilities_xml() = 0;
    /// `inactive`: of the definition instead of what runs.
    virtual MachineXml machine_xml(const Uuid& uuid, bool inactive) = 0;

    // Making and unmaking. `create` defines and, if the spec says so, starts; when the start fails nothing stays.
    virtual Uuid create(const MachineSpec& spec) = 0;
    /// The machine is the owner's, whatever the XML says. already_exists when the XML's UUID or name is taken.
    virtual Uuid define(const std::string& xml, std::uint32_t owner) = 0;
    /// Defines a copy of a machine as `copy` says, with new UUID and MAC addresses, and without what belongs to the
    /// source alone: already_exists when its name or UUID is taken, invalid_state when both would write to one disk.
    virtual Uuid define_copy(const Uuid& source, const MachineCopy& copy) = 0;
    /// Throws what define_copy() would, as far as that can be told before its disks are made.
    virtual void check_copy(const Uuid& source, const MachineCopy& copy) = 0;
    /// stale_generation when the definition's digest is no longer `expected`; invalid_args for another UUID or name.
    virtual void redefine(const Uuid& uuid, const std::string& xml, std::optional<std::uint64_t> expected) = 0;
    /// `force`: powered off, saved memory and snapshots dropped; else each of these is invalid_state.
    virtual void remove(const Uuid& uuid, bool force) = 0;

    // Running. What does not fit the machine's state is invalid_state.
    virtual void start(const Uuid& uuid, const StartOptions& options) = 0;
    virtual void shutdown(const Uuid& uuid, GuestMode mode) = 0;
    virtual void reboot(const Uuid& uuid, GuestMode mode) = 0;
    virtual void power_off(const Uuid& uuid, bool graceful) = 0;
    virtual void reset(const Uuid& uuid) = 0;
    virtual void pause(const Uuid& uuid) = 0;
    /// Lets a paused machine run on, wakes a suspended one.
    virtual void resume(const Uuid& uuid) = 0;
    virtual void save(const Uuid& uuid) = 0;
    virtual void abort_job(const Uuid& uuid) = 0;
    /// Nothing when no job runs.
    virtual std::optional<JobProgress> job_progress(const Uuid& uuid) = 0;

    // Settings.
    virtual void rename(const Uuid& uuid, const std::string& name) = 0;
    virtual void set_autostart(const Uuid& uuid, bool autostart) = 0;
    virtual void set_memory(const Uuid& uuid, const MemoryChange& change) = 0;
    virtual void set_vcpus(const Uuid& uuid, const VcpuChange& change) = 0;
    virtual void set_title(const Uuid& uuid, const std::string& title) = 0;
    virtual void set_description(const Uuid& uuid, const std::string& description) = 0;
    virtual void set_tags(const Uuid& uuid, const std::vector<std::string>& tags) = 0;

    /// One end of a stream socket whose other end is pumped to and from the console, until either is closed.
    virtual UniqueFd open_console(const Uuid& uuid, bool force) = 0;

    /// The namespaces of a running container, each a descriptor for setns(2).
    virtual std::vector<UniqueFd> open_namespaces(const Uuid& uuid) = 0;

    /// Makes a disk of a running machine larger: the one that is the file or device at `path`.
    virtual void resize_disk(const Uuid& uuid, const std::string& path, std::uint64_t size) = 0;

    /// What this source says of the addresses of a running machine: as it comes, at most some hundred, and of the agent
    /// within some seconds. not_supported where the hypervisor does not have it; agent_unresponsive.
    virtual std::vector<Address> read_addresses(const Uuid& uuid, AddressSource source) = 0;

    /// The machine-id of a running machine, as its guest agent has it: what the system runs with. This and the next are
    /// claims of the guest, and take little more than a minute at most. Error agent_unresponsive when no answer comes,
    /// or none that makes sense; not_supported, naming the command, when the agent does not take one; unsupported_guest
    /// for what it refuses.
    virtual GuestIdentity read_guest_identity(const Uuid& uuid) = 0;
    /// Gives it another, read back: the files hold it, the programs that run have the old one until it boots.
    /// stale_generation when it has another than expected; unsupported_guest also when its kernel's command line sets
    /// one, or a file cannot be written. There is no sealing, nor another hostname: invalid_state.
    virtual GuestIdentity change_guest_identity(const Uuid& uuid, const IdentityChange& change) = 0;

    /// Pools and images.
    virtual StoragePort& storage() = 0;
    virtual NetworkPort& networks() = 0;
};

/// Makes connections to one hypervisor.
class Connector {
public:
    virtual ~Connector() = default;

    /// Blocks until connected, perhaps for ever: called on a worker thread. Every lane's port tells when it is closed,
    /// only the query lane's what happens to machines, pools
    /// and networks.
    virtual std::unique_ptr<Port> connect(Lane lane, std::shared_ptr<PortEvents> events) = 0;
};

}  // namespace virtbus
