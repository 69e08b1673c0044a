// SPDX-License-Identifier: LGPL-2.1-or-later
// A hypervisor that exists in memory only: the one fake of the tests, behind the one port of model/port.h. It obeys
// like libvirt, tells events as libvirt does (on threads of its own), and can be told to fail, to hang, or to go away.
// May be used from any thread.
#pragma once

#include "model/error.h"
#include "model/port.h"
#include "support/fake_networks.h"
#include "support/fake_storage.h"

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

namespace virtbus::test {

/// What can be called, counted, made to fail and made to hang.
enum class PortCall {
    connect,
    describe,
    list,
    read,
    read_state,
    capabilities_xml,
    machine_xml,
    create,
    define,
    define_copy,
    check_copy,
    redefine,
    remove,
    start,
    shutdown,
    reboot,
    power_off,
    reset,
    pause,
    resume,
    save,
    abort_job,
    job_progress,
    rename,
    set_autostart,
    set_memory,
    set_vcpus,
    set_title,
    set_description,
    set_tags,
    open_console,
    open_namespaces,
    resize_disk,
    read_guest_identity,
    change_guest_identity,
    read_addresses,
};

/// A machine that is off, as a port reads it; the UUID is made from the number.
Machine make_machine(const std::string& name, std::uint32_t number, MachineState state = MachineState::shut_off);
Uuid make_uuid(std::uint32_t number);

class FakeHypervisor : public std::enable_shared_from_this<FakeHypervisor> {
public:
    static std::shared_ptr<FakeHypervisor> make() { return std::make_shared<FakeHypervisor>(); }

    /// A connector to this hypervisor; any number of them.
    std::unique_ptr<Connector> connector();

    // The truth. Changing it here tells nobody: see touch() and happen().
    void add(Machine machine);
    void edit(const Uuid& uuid, const std::function<void(Machine&)>& change);
    void erase(const Uuid& uuid);
    [[nodiscard]] std::optional<Machine> machine(const Uuid& uuid) const;
    /// Whether it can be read, alone or in a listing.
    void set_readable(const Uuid& uuid, bool readable);
    void set_info(HypervisorInfo info);
    /// Its pools and images.
    FakeStorage& storage() { return storage_; }
    FakeNetworks& networks() { return networks_; }

    // Events, each told on a thread that is neither the caller's nor the loop's, and told when this returns.
    void touch(const Uuid& uuid);
    void touch_pool(const std::string& name);
    void touch_networks();
    void happen(const Uuid& uuid, const std::string& event, const std::string& detail);
    /// The connection is lost: its calls fail with disconnected, also those that hang.
    void close(const std::string& reason);
    /// What the query lane's port got at the last connection: an old connection tells through an old one.
    [[nodiscard]] std::shared_ptr<PortEvents> events() const;

    /// Whether own calls tell events, as libvirt's do. On at first.
    void set_tells(bool tells);
    /// Whether the guest shuts down when it is asked to. On at first.
    void set_obedient(bool obedient);
    /// What the agent in the guest of a machine says of its machine-id; a change changes it.
    void set_guest_identity(const Uuid& uuid, const GuestIdentity& identity);
    [[nodiscard]] GuestIdentity guest_identity(const Uuid& uuid) const;
    /// What a source says of the addresses of any machine; an Error is thrown.
    void set_addresses(AddressSource source, std::variant<std::vector<Address>, Error> answer);
    /// What job_progress() returns.
    void set_progress(std::optional<JobProgress> progress);

    /// The next `times` calls of this kind throw `error`; all of them, if it is negative.
    void fail(PortCall call, const Error& error, int times = 1);
    /// Calls of this kind, or all calls on this lane, hang until release(). A hanging save ends when it is aborted.
    void block(PortCall call);
    void block(Lane lane);
    void release(PortCall call);
    void release(Lane lane);
    /// Whether readings of single machines hang when they have seen what there is. Off at first.
    void set_lingering(bool lingering);
    /// Nothing hangs any more, now and later: what a test calls before it ends.
    void release_all();

    /// How many calls were begun; how many hang now.
    [[nodiscard]] std::size_t calls(PortCall call) const;
    [[nodiscard]] std::size_t calls() const;
    [[nodiscard]] std::size_t hanging(PortCall call) const;
    [[nodiscard]] std::size_t hanging() const;
    /// How many ports are open.
    [[nodiscard]] std::size_t ports() const;

private:
    class FakeConnector;
    class FakePort;

    /// What the ports of one connection share.
    struct Connection {
        bool alive = true;
        std::string reason;
    };

    using Lock = std::unique_lock<std::mutex>;

    /// Counts the call, lets it hang or fail, and returns with the truth locked.
    Lock enter(PortCall call, Lane lane, const std::shared_ptr<Connection>& connection, const Uuid* uuid = nullptr);
    [[nodiscard]] bool hangs(PortCall call, Lane lane) const;
    void linger(PortCall call, Lock& lock);
    Machine& find(const Uuid& uuid);
    void tell(const std::function<void(PortEvents&)>& what) const;

    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::map<Uuid, Machine> machines_;
    std::set<Uuid> unreadable_;
    HypervisorInfo info_;
    FakeStorage storage_;
    FakeNetworks networks_;
    std::shared_ptr<Connection> connection_;
    std::shared_ptr<PortEvents> events_;
    bool tells_ = true;
    bool obedient_ = true;
    bool all_released_ = false;
    bool lingering_ = false;
    std::optional<JobProgress> progress_;
    std::map<PortCall, std::pair<Error, int>> failures_;
    std::map<PortCall, bool> blocked_calls_;
    std::map<Lane, bool> blocked_lanes_;
    std::map<PortCall, std::size_t> calls_;
    std::map<PortCall, std::size_t> hanging_;
    std::map<Uuid, bool> aborted_;
    std::map<Uuid, GuestIdentity> guest_identities_;
    std::map<AddressSource, std::variant<std::vector<Address>, Error>> addresses_;
    std::size_t ports_ = 0;
};

}  // namespace virtbus::test
