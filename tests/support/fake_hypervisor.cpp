// SPDX-License-Identifier: LGPL-2.1-or-later
// The fake as a hypervisor: the truth, what hangs and what fails, and the events.
#include "support/fake_port.h"

#include <array>
#include <numeric>
#include <stdexcept>
#include <thread>

namespace virtbus::test {

Uuid make_uuid(std::uint32_t number) {
    std::array<std::uint8_t, Uuid::size> bytes{0xde, 0xad, 0, 0, 0, 0, 0x40, 0, 0x80};
    for (std::size_t i = 0; i < 4; ++i) bytes.at(12 + i) = static_cast<std::uint8_t>(number >> (24 - 8 * i));
    return Uuid(bytes);
}

Machine make_machine(const std::string& name, std::uint32_t number, MachineState state) {
    Machine machine;
    machine.uuid = make_uuid(number);
    machine.name = name;
    machine.virtualization = Virtualization::hybrid;
    machine.evidence = {"os type hvm", "disk vda is virtio"};
    machine.acceleration = Acceleration::kvm;
    machine.state = state;
    machine.state_reason = state == MachineState::running ? "booted" : "unknown";
    machine.arch = "x86_64";
    machine.machine_type = "pc-q35-7.2";
    machine.firmware = "bios";
    machine.vcpus = machine.maximum_vcpus = 2;
    machine.memory = machine.maximum_memory = std::uint64_t{1} << 30;
    machine.disks = {
        {"vda", "virtio", "disk", "qcow2", "/images/" + name + ".qcow2", "", "", "", "", "", "", false, false}};
    machine.interfaces = {{"52:54:00:00:00:01", "network", "virtio", "default", "", ""}};
    machine.graphics = {{"vnc", "none", "", 0}};
    machine.definition = 1;
    return machine;
}

bool FakeHypervisor::hangs(PortCall call, Lane lane) const {
    if (all_released_) return false;
    const auto by_call = blocked_calls_.find(call);
    const auto by_lane = blocked_lanes_.find(lane);
    return (by_call != blocked_calls_.end() && by_call->second) ||
           (call != PortCall::connect && by_lane != blocked_lanes_.end() && by_lane->second);
}

FakeHypervisor::Lock FakeHypervisor::enter(PortCall call, Lane lane, const std::shared_ptr<Connection>& connection,
                                           const Uuid* uuid) {
    Lock lock(mutex_);
    ++calls_[call];
    ++hanging_[call];
    changed_.wait(lock, [&] {
        const bool dead = connection && !connection->alive;
        const bool aborted = call == PortCall::save && uuid != nullptr && aborted_[*uuid];
        return !hangs(call, lane) || dead || aborted;
    });
    --hanging_[call];
    if (connection && !connection->alive) throw Error(Code::disconnected, connection->reason);
    if (call == PortCall::save && uuid != nullptr && std::exchange(aborted_[*uuid], false))
        throw Error(Code::failed, "the job was aborted");
    if (const auto failure = failures_.find(call); failure != failures_.end()) {
        const Error error = failure->second.first;
        if (--failure->second.second == 0) failures_.erase(failure);
        throw error;
    }
    return lock;
}

void FakeHypervisor::linger(PortCall call, Lock& lock) {
    if (!lingering_) return;
    ++hanging_[call];
    changed_.wait(lock, [&] { return !lingering_ || all_released_; });
    --hanging_[call];
}

Machine& FakeHypervisor::find(const Uuid& uuid) {
    const auto found = machines_.find(uuid);
    if (found == machines_.end()) throw Error(Code::no_such_machine, "there is no machine " + uuid.text());
    return found->second;
}

void FakeHypervisor::add(Machine machine) {
    const Lock lock(mutex_);
    machines_[machine.uuid] = std::move(machine);
}

void FakeHypervisor::edit(const Uuid& uuid, const std::function<void(Machine&)>& change) {
    const Lock lock(mutex_);
    change(find(uuid));
}

void FakeHypervisor::erase(const Uuid& uuid) {
    const Lock lock(mutex_);
    machines_.erase(uuid);
}

std::optional<Machine> FakeHypervisor::machine(const Uuid& uuid) const {
    const Lock lock(mutex_);
    const auto found = machines_.find(uuid);
    return found == machines_.end() ? std::nullopt : std::optional(found->second);
}

void FakeHypervisor::set_readable(const Uuid& uuid, bool readable) {
    const Lock lock(mutex_);
    if (readable)
        unreadable_.erase(uuid);
    else
        unreadable_.insert(uuid);
}

void FakeHypervisor::set_info(HypervisorInfo info) {
    const Lock lock(mutex_);
    info_ = std::move(info);
}

void FakeHypervisor::tell(const std::function<void(PortEvents&)>& what) const {
    const auto to = events();
    if (!to) throw std::logic_error("nobody is connected to the fake");
    std::thread([&] { what(*to); }).join();
}

void FakeHypervisor::touch(const Uuid& uuid) {
    tell([&](PortEvents& events) { events.touched(uuid); });
}

void FakeHypervisor::touch_pool(const std::string& name) {
    tell([&](PortEvents& events) { events.pool_touched(name); });
}

void FakeHypervisor::touch_networks() {
    tell([](PortEvents& events) { events.networks_touched(); });
}

void FakeHypervisor::happen(const Uuid& uuid, const std::string& event, const std::string& detail) {
    tell([&](PortEvents& events) { events.happened(uuid, {event, detail}); });
}

void FakeHypervisor::close(const std::string& reason) {
    {
        const Lock lock(mutex_);
        connection_->alive = false;
        connection_->reason = reason;
        changed_.notify_all();
    }
    tell([&](PortEvents& events) { events.closed(reason); });
}

std::shared_ptr<PortEvents> FakeHypervisor::events() const {
    const Lock lock(mutex_);
    return events_;
}

void FakeHypervisor::set_tells(bool tells) {
    const Lock lock(mutex_);
    tells_ = tells;
}

void FakeHypervisor::set_obedient(bool obedient) {
    const Lock lock(mutex_);
    obedient_ = obedient;
}

void FakeHypervisor::set_guest_identity(const Uuid& uuid, const GuestIdentity& identity) {
    const Lock lock(mutex_);
    guest_identities_[uuid] = identity;
}

GuestIdentity FakeHypervisor::guest_identity(const Uuid& uuid) const {
    const Lock lock(mutex_);
    return guest_identities_.at(uuid);
}

void FakeHypervisor::set_addresses(AddressSource source, std::variant<std::vector<Address>, Error> answer) {
    const Lock lock(mutex_);
    addresses_.insert_or_assign(source, std::move(answer));
}

void FakeHypervisor::set_progress(std::optional<JobProgress> progress) {
    const Lock lock(mutex_);
    progress_ = progress;
}

void FakeHypervisor::fail(PortCall call, const Error& error, int times) {
    const Lock lock(mutex_);
    failures_.insert_or_assign(call, std::pair(error, times));
}

void FakeHypervisor::block(PortCall call) {
    const Lock lock(mutex_);
    blocked_calls_[call] = true;
}

void FakeHypervisor::block(Lane lane) {
    const Lock lock(mutex_);
    blocked_lanes_[lane] = true;
}

void FakeHypervisor::release(PortCall call) {
    const Lock lock(mutex_);
    blocked_calls_[call] = false;
    changed_.notify_all();
}

void FakeHypervisor::release(Lane lane) {
    const Lock lock(mutex_);
    blocked_lanes_[lane] = false;
    changed_.notify_all();
}

void FakeHypervisor::set_lingering(bool lingering) {
    const Lock lock(mutex_);
    lingering_ = lingering;
    changed_.notify_all();
}

void FakeHypervisor::release_all() {
    const Lock lock(mutex_);
    all_released_ = true;
    storage_.release();
    networks_.release();
    changed_.notify_all();
}

std::size_t FakeHypervisor::calls(PortCall call) const {
    const Lock lock(mutex_);
    const auto found = calls_.find(call);
    return found == calls_.end() ? 0 : found->second;
}

std::size_t FakeHypervisor::calls() const {
    const Lock lock(mutex_);
    return std::accumulate(calls_.begin(), calls_.end(), std::size_t{0},
                           [](std::size_t sum, const auto& entry) { return sum + entry.second; });
}

std::size_t FakeHypervisor::hanging(PortCall call) const {
    const Lock lock(mutex_);
    const auto found = hanging_.find(call);
    return found == hanging_.end() ? 0 : found->second;
}

std::size_t FakeHypervisor::hanging() const {
    const Lock lock(mutex_);
    return std::accumulate(hanging_.begin(), hanging_.end(), std::size_t{0},
                           [](std::size_t sum, const auto& entry) { return sum + entry.second; });
}

std::size_t FakeHypervisor::ports() const {
    const Lock lock(mutex_);
    return ports_;
}

}  // namespace virtbus::test
