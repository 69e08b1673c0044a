// SPDX-License-Identifier: LGPL-2.1-or-later
// The fake as a port: each call changes the truth as libvirt would, and tells what libvirt would tell.
#include "support/fake_port.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>
#include <filesystem>

namespace virtbus::test {

namespace {

[[noreturn]] void refuse(const Machine& machine) {
    throw Error(Code::invalid_state, fmt::format("machine {} is {}", machine.name, to_string(machine.state)));
}

std::vector<Disk> disks_of(const MachineSpec& spec) {
    std::vector<Disk> disks;
    for (const auto& wanted : spec.disks) {
        auto& disk = disks.emplace_back();
        disk.device = wanted.device;
        disk.format = wanted.format;
        disk.file = wanted.file;
        disk.pool = wanted.pool;
        disk.volume = wanted.volume;
    }
    return disks;
}

/// Off, with its own disks and without what libvirt keeps beside a definition.
Machine copy_of(const Machine& source, const MachineCopy& copy) {
    Machine machine = source;
    machine.name = copy.name;
    machine.uuid = copy.uuid;
    machine.owner = copy.owner;
    machine.state = MachineState::shut_off;
    machine.state_reason = "unknown";
    machine.autostart = machine.saved = false;
    machine.persistent = true;
    machine.kernel_machine_id = {};
    machine.libvirt_job.clear();
    machine.definition = 1;
    for (const auto& image : copy.images) {
        const auto disk = std::find_if(machine.disks.begin(), machine.disks.end(),
                                       [&](const Disk& each) { return each.target == image.target; });
        if (disk == machine.disks.end()) throw Error(Code::invalid_args, "it has no disk " + image.target);
        disk->file = image.path;
        disk->format = image.format;
        disk->block = disk->pool = disk->volume = "";
    }
    return machine;
}

}  // namespace

class FakeHypervisor::FakePort final : public Port {
public:
    FakePort(std::shared_ptr<FakeHypervisor> truth, Lane lane, std::shared_ptr<Connection> connection)
        : truth_(std::move(truth)), lane_(lane), connection_(std::move(connection)) {}
    FakePort(const FakePort&) = delete;
    FakePort& operator=(const FakePort&) = delete;
    ~FakePort() override {
        const Lock lock(truth_->mutex_);
        --truth_->ports_;
    }

    HypervisorInfo describe() override {
        const auto lock = enter(PortCall::describe);
        return truth_->info_;
    }
    MachineListing list() override {
        const auto lock = enter(PortCall::list);
        MachineListing all;
        for (const auto& [uuid, machine] : truth_->machines_)
            if (truth_->unreadable_.contains(uuid))
                all.unread.push_back(uuid);
            else
                all.machines.push_back(machine);
        return all;
    }
    std::optional<Machine> read(const Uuid& uuid) override {
        auto lock = enter(PortCall::read);
        if (truth_->unreadable_.contains(uuid)) throw Error(Code::failed, "it cannot be read");
        const auto found = truth_->machines_.find(uuid);
        auto seen = found == truth_->machines_.end() ? std::nullopt : std::optional(found->second);
        truth_->linger(PortCall::read, lock);
        return seen;
    }
    std::optional<Machine> read_state(const Machine& known) override {
        const auto lock = enter(PortCall::read_state);
        const auto found = truth_->machines_.find(known.uuid);
        if (found == truth_->machines_.end()) return std::nullopt;
        Machine machine = known;
        machine.state = found->second.state;
        machine.state_reason = found->second.state_reason;
        machine.libvirt_job = found->second.libvirt_job;
        return machine;
    }
    std::string capabilities_xml() override {
        const auto lock = enter(PortCall::capabilities_xml);
        return "<capabilities/>";
    }
    MachineXml machine_xml(const Uuid& uuid, bool inactive) override {
        const auto lock = enter(PortCall::machine_xml);
        const auto& machine = truth_->find(uuid);
        return {fmt::format("<domain{}><name>{}</name></domain>", inactive ? " inactive='yes'" : "", machine.name),
                machine.definition};
    }

    Uuid create(const MachineSpec& spec) override {
        auto lock = enter(PortCall::create);
        Machine machine = make_machine(spec.name, static_cast<std::uint32_t>(1'000'000 + truth_->machines_.size()),
                                       spec.start ? MachineState::running : MachineState::shut_off);
        if (spec.uuid) machine.uuid = *spec.uuid;
        machine.title = spec.title;
        machine.owner = spec.owner;
        if (!spec.disks.empty()) machine.disks = disks_of(spec);
        return put(lock, std::move(machine));
    }
    /// The fake's XML is a name, no more.
    Uuid define(const std::string& xml, std::uint32_t owner) override {
        auto lock = enter(PortCall::define);
        if (xml.find('<') != std::string::npos) throw Error(Code::invalid_xml, "not the XML that the fake takes");
        auto machine = make_machine(xml, static_cast<std::uint32_t>(2'000'000 + truth_->machines_.size()));
        machine.owner = owner;
        return put(lock, std::move(machine));
    }
    Uuid define_copy(const Uuid& source, const MachineCopy& copy) override {
        auto lock = enter(PortCall::define_copy);
        return put(lock, copy_of(truth_->find(source), copy));
    }
    void check_copy(const Uuid& source, const MachineCopy& copy) override {
        const auto lock = enter(PortCall::check_copy);
        copy_of(truth_->find(source), copy);
    }
    void redefine(const Uuid& uuid, const std::string& xml, std::optional<std::uint64_t> expected) override {
        change(PortCall::redefine, uuid, [&](Machine& machine) {
            if (expected && *expected != machine.definition)
                throw Error(Code::stale_generation, "the definition has changed");
            machine.description = xml;
            ++machine.definition;
        });
    }
    void remove(const Uuid& uuid, bool force) override {
        auto lock = enter(PortCall::remove, &uuid);
        const auto& machine = truth_->find(uuid);
        if (is_active(machine.state) && !force) refuse(machine);
        truth_->machines_.erase(uuid);
        happened(lock, uuid, "undefined", "removed");
    }

    void start(const Uuid& uuid, const StartOptions& options) override {
        run(PortCall::start, uuid, "started", "booted", [&](Machine& machine) {
            if (is_active(machine.state)) refuse(machine);
            machine.state = options.paused ? MachineState::paused : MachineState::running;
            machine.state_reason = machine.saved ? "restored" : "booted";
            machine.saved = false;
        });
    }
    void shutdown(const Uuid& uuid, GuestMode) override {
        auto lock = enter(PortCall::shutdown, &uuid);
        auto& machine = truth_->find(uuid);
        if (!is_active(machine.state)) refuse(machine);
        if (!truth_->obedient_) return;
        machine.state = MachineState::shut_off;
        machine.state_reason = "shutdown";
        happened(lock, uuid, "stopped", "shutdown");
    }
    void reboot(const Uuid& uuid, GuestMode) override {
        run(PortCall::reboot, uuid, "rebooted", "", [](Machine& machine) {
            if (!is_active(machine.state)) refuse(machine);
        });
    }
    void power_off(const Uuid& uuid, bool) override {
        run(PortCall::power_off, uuid, "stopped", "destroyed", [](Machine& machine) {
            if (!is_active(machine.state)) refuse(machine);
            machine.state = MachineState::shut_off;
            machine.state_reason = "destroyed";
        });
    }
    void reset(const Uuid& uuid) override {
        run(PortCall::reset, uuid, "rebooted", "", [](Machine& machine) {
            if (!is_active(machine.state)) refuse(machine);
        });
    }
    void pause(const Uuid& uuid) override {
        run(PortCall::pause, uuid, "suspended", "paused", [](Machine& machine) {
            if (machine.state != MachineState::running) refuse(machine);
            machine.state = MachineState::paused;
            machine.state_reason = "user";
        });
    }
    void resume(const Uuid& uuid) override {
        run(PortCall::resume, uuid, "resumed", "unpaused", [](Machine& machine) {
            if (machine.state != MachineState::paused) refuse(machine);
            machine.state = MachineState::running;
            machine.state_reason = "unpaused";
        });
    }
    void save(const Uuid& uuid) override {
        run(PortCall::save, uuid, "stopped", "saved", [](Machine& machine) {
            if (!is_active(machine.state)) refuse(machine);
            machine.state = MachineState::shut_off;
            machine.state_reason = "saved";
            machine.saved = true;
        });
    }
    void abort_job(const Uuid& uuid) override {
        const auto lock = enter(PortCall::abort_job);
        if (truth_->hanging_[PortCall::save] == 0) throw Error(Code::invalid_state, "no job is active");
        truth_->aborted_[uuid] = true;
        truth_->changed_.notify_all();
    }
    std::optional<JobProgress> job_progress(const Uuid&) override {
        const auto lock = enter(PortCall::job_progress);
        return truth_->progress_;
    }

    void rename(const Uuid& uuid, const std::string& name) override {
        change(PortCall::rename, uuid, [&](Machine& machine) { machine.name = name; });
    }
    void set_autostart(const Uuid& uuid, bool autostart) override {
        change(PortCall::set_autostart, uuid, [&](Machine& machine) { machine.autostart = autostart; });
    }
    void set_memory(const Uuid& uuid, const MemoryChange& memory) override {
        change(PortCall::set_memory, uuid, [&](Machine& machine) {
            machine.memory = memory.current;
            machine.maximum_memory = memory.maximum.value_or(machine.maximum_memory);
        });
    }
    void set_vcpus(const Uuid& uuid, const VcpuChange& vcpus) override {
        change(PortCall::set_vcpus, uuid, [&](Machine& machine) {
            machine.vcpus = vcpus.current;
            machine.maximum_vcpus = vcpus.maximum.value_or(machine.maximum_vcpus);
        });
    }
    void set_title(const Uuid& uuid, const std::string& title) override {
        change(PortCall::set_title, uuid, [&](Machine& machine) { machine.title = title; });
    }
    void set_description(const Uuid& uuid, const std::string& description) override {
        change(PortCall::set_description, uuid, [&](Machine& machine) { machine.description = description; });
    }
    void set_tags(const Uuid& uuid, const std::vector<std::string>& tags) override {
        change(PortCall::set_tags, uuid, [&](Machine& machine) { machine.tags = tags; });
    }

    /// The other end says the machine's name, and that is all.
    void resize_disk(const Uuid& uuid, const std::string& path, std::uint64_t size) override {
        const auto lock = enter(PortCall::resize_disk, &uuid);
        const std::filesystem::path file(path);
        auto image = truth_->storage_.image(file.parent_path().filename().string(), file.filename().string());
        image->virtual_size = size;
        truth_->storage_.add(std::move(*image));
    }
    GuestIdentity read_guest_identity(const Uuid& uuid) override {
        const auto lock = enter(PortCall::read_guest_identity, &uuid);
        return truth_->guest_identities_[uuid];
    }
    GuestIdentity change_guest_identity(const Uuid& uuid, const IdentityChange& change) override {
        const auto lock = enter(PortCall::change_guest_identity, &uuid);
        auto& identity = truth_->guest_identities_[uuid];
        if (change.expected && change.expected != identity.id)
            throw Error(Code::stale_generation, "it has another machine-id");
        identity.id = change.id;
        return identity;
    }
    std::vector<Address> read_addresses(const Uuid& uuid, AddressSource source) override {
        const auto lock = enter(PortCall::read_addresses, &uuid);
        const auto& answer = truth_->addresses_[source];
        if (const auto* failure = std::get_if<Error>(&answer)) throw *failure;
        return std::get<std::vector<Address>>(answer);
    }
    StoragePort& storage() override { return truth_->storage_; }
    NetworkPort& networks() override { return truth_->networks_; }

    std::vector<UniqueFd> open_namespaces(const Uuid& uuid) override {
        const auto lock = enter(PortCall::open_namespaces);
        truth_->find(uuid);
        return {};
    }

    UniqueFd open_console(const Uuid& uuid, bool) override {
        const auto lock = enter(PortCall::open_console);
        const auto& machine = truth_->find(uuid);
        int ends[2];
        if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) throw Error(Code::failed, "no socket");
        const UniqueFd guest(ends[1]);
        if (::send(guest.get(), machine.name.data(), machine.name.size(), MSG_NOSIGNAL) < 0)
            throw Error(Code::failed, "the guest cannot write");
        return UniqueFd(ends[0]);
    }

private:
    Lock enter(PortCall call, const Uuid* uuid = nullptr) { return truth_->enter(call, lane_, connection_, uuid); }

    Uuid put(Lock& lock, Machine machine) {
        const auto same = [&](const auto& entry) {
            return entry.first == machine.uuid || entry.second.name == machine.name;
        };
        if (std::any_of(truth_->machines_.begin(), truth_->machines_.end(), same))
            throw Error(Code::already_exists, "machine " + machine.name + " exists");
        const auto uuid = machine.uuid;
        truth_->machines_[uuid] = std::move(machine);
        happened(lock, uuid, "defined", "added");
        return uuid;
    }

    /// A setting of the definition.
    template <typename Change>
    void change(PortCall call, const Uuid& uuid, Change change) {
        const auto lock = enter(call, &uuid);
        auto& machine = truth_->find(uuid);
        change(machine);
        if (call != PortCall::set_autostart) ++machine.definition;
    }

    /// What libvirt has a lifecycle event for.
    template <typename Change>
    void run(PortCall call, const Uuid& uuid, const char* event, const char* detail, Change change) {
        auto lock = enter(call, &uuid);
        change(truth_->find(uuid));
        happened(lock, uuid, event, detail);
    }

    void happened(Lock& lock, const Uuid& uuid, const char* event, const char* detail) {
        if (!truth_->tells_) return;
        const auto events = truth_->events_;
        lock.unlock();
        if (events) events->happened(uuid, {event, detail});
    }

    std::shared_ptr<FakeHypervisor> truth_;
    Lane lane_;
    std::shared_ptr<Connection> connection_;
};

class FakeHypervisor::FakeConnector final : public Connector {
public:
    explicit FakeConnector(std::shared_ptr<FakeHypervisor> truth) : truth_(std::move(truth)) {}

    std::unique_ptr<Port> connect(Lane lane, std::shared_ptr<PortEvents> events) override {
        const auto lock = truth_->enter(PortCall::connect, lane, nullptr);
        if (lane == Lane::query) {
            truth_->events_ = std::move(events);
            truth_->connection_ = std::make_shared<Connection>();
        }
        ++truth_->ports_;
        return std::make_unique<FakePort>(truth_, lane, truth_->connection_);
    }

private:
    std::shared_ptr<FakeHypervisor> truth_;
};

std::unique_ptr<Connector> FakeHypervisor::connector() { return std::make_unique<FakeConnector>(shared_from_this()); }

}  // namespace virtbus::test
