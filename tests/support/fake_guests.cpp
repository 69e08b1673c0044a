// SPDX-License-Identifier: LGPL-2.1-or-later
#include "support/fake_guests.h"

#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <utility>

namespace virtbus::test {

namespace {

std::string path_of(const GuestSystem& system) { return system.root.empty() ? system.disks.front().path : system.root; }

GuestIdentity identity(const std::optional<MachineId>& id) {
    GuestIdentity found;
    found.state = id ? IdState::valid : IdState::empty;
    found.dbus_state = DbusState::link;
    found.id = id;
    found.consistent = id.has_value();
    return found;
}

/// As a command that SIGPIPE ends.
CommandEnd end_after_writing(int output, Transfer& transfer) {
    const std::string text(4'096, 'y');
    for (;;) {
        std::array<pollfd, 2> files{pollfd{output, POLLOUT, 0}, pollfd{transfer.cancel_fd(), POLLIN, 0}};
        ::poll(files.data(), files.size(), -1);
        transfer.refuse_cancelled();
        if (::send(output, text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT) < 0 && errno == EPIPE)
            return {.exit_code = 0, .signal = SIGPIPE};
    }
}

}  // namespace

void FakeGuests::put(const std::string& path, const std::optional<MachineId>& id) {
    const std::lock_guard lock(mutex_);
    systems_[path] = id;
}

std::optional<MachineId> FakeGuests::id(const std::string& path) const {
    const std::lock_guard lock(mutex_);
    const auto found = systems_.find(path);
    return found == systems_.end() ? std::nullopt : found->second;
}

void FakeGuests::fail(const Error& error) {
    const std::lock_guard lock(mutex_);
    failure_ = error;
}

std::vector<std::string> FakeGuests::calls() const {
    const std::lock_guard lock(mutex_);
    return calls_;
}

IdentityChange FakeGuests::change() const {
    const std::lock_guard lock(mutex_);
    return change_;
}

GuestSystem FakeGuests::system() const {
    const std::lock_guard lock(mutex_);
    return system_;
}

void FakeGuests::find(const GuestIdentity& found) {
    const std::lock_guard lock(mutex_);
    finding_ = found;
}

void FakeGuests::block() {
    const std::lock_guard lock(mutex_);
    blocked_ = true;
}

void FakeGuests::release() {
    const std::lock_guard lock(mutex_);
    blocked_ = false;
    changed_.notify_all();
}

std::size_t FakeGuests::hanging() const {
    const std::lock_guard lock(mutex_);
    return hanging_;
}

FakeGuests::Lock FakeGuests::enter(const std::string& verb, const GuestSystem& system, const Transfer& transfer) {
    Lock lock(mutex_);
    calls_.push_back(verb + " " + path_of(system));
    system_ = system;
    ++hanging_;
    while (blocked_ && !transfer.is_cancelled()) changed_.wait_for(lock, std::chrono::milliseconds(5));
    --hanging_;
    transfer.refuse_cancelled();
    if (failure_) throw Error(*std::exchange(failure_, std::nullopt));
    return lock;
}

GuestIdentity FakeGuests::look(const std::optional<MachineId>& id) {
    return finding_ ? *std::exchange(finding_, std::nullopt) : identity(id);
}

GuestIdentity FakeGuests::read_identity(const GuestSystem& system, Transfer& transfer) {
    const auto lock = enter("read", system, transfer);
    return look(systems_[path_of(system)]);
}

GuestIdentity FakeGuests::change_identity(const GuestSystem& system, const IdentityChange& change, Transfer& transfer) {
    const bool seals = change.kind == IdentityChange::Kind::seal;
    const auto lock = enter(seals ? "seal" : "assign", system, transfer);
    change_ = change;
    auto& id = systems_[path_of(system)];
    if (change.expected && change.expected != id) throw Error(Code::stale_generation, "it has another machine-id");
    id = seals ? std::nullopt : change.id;
    return look(id);
}

void FakeContainers::end_with(const CommandEnd& end) {
    const std::lock_guard lock(mutex_);
    end_ = end;
}

void FakeContainers::fail(const Error& error) {
    const std::lock_guard lock(mutex_);
    failure_ = error;
}

void FakeContainers::go_on() {
    const std::lock_guard lock(mutex_);
    goes_on_ = true;
}

void FakeContainers::write_on() {
    const std::lock_guard lock(mutex_);
    writes_on_ = true;
}

std::vector<std::string> FakeContainers::words() const {
    const std::lock_guard lock(mutex_);
    return words_;
}

std::chrono::microseconds FakeContainers::limit() const {
    const std::lock_guard lock(mutex_);
    return limit_;
}

CommandEnd FakeContainers::run(const std::vector<UniqueFd>&, const ContainerCommand& command, Transfer& transfer) {
    std::unique_lock lock(mutex_);
    words_ = command.words;
    limit_ = command.limit;
    if (failure_) throw *std::exchange(failure_, std::nullopt);
    if (!goes_on_ && !writes_on_) return end_;
    lock.unlock();
    if (writes_on_) return end_after_writing(command.streams[1]->get(), transfer);
    pollfd cancelled{transfer.cancel_fd(), POLLIN, 0};
    ::poll(&cancelled, 1, -1);
    throw Error(Code::cancelled, "It was cancelled");
}

}  // namespace virtbus::test
