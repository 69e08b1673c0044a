// SPDX-License-Identifier: LGPL-2.1-or-later
// The systems inside machines' disks, and the commands in containers, as plain values; and this host's machine-id, for
// real, below any root. Any thread.
#pragma once

#include "model/container_command.h"
#include "model/error.h"
#include "model/guest_tool.h"
#include "model/host_tool.h"

#include <condition_variable>
#include <cstddef>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace virtbus::test {

/// Reads and changes systems at once, unless it is told to fail or to hang. A system is known by its first disk, or its
/// root.
class FakeGuests final : public GuestTool {
public:
    /// What is on the disk at `path`.
    void put(const std::string& path, const std::optional<MachineId>& id);
    [[nodiscard]] std::optional<MachineId> id(const std::string& path) const;
    /// The next call fails.
    void fail(const Error& error);
    /// The next call finds this, whatever is there.
    void find(const GuestIdentity& found);
    /// Calls hang until release() or until they are cancelled.
    void block();
    void release();
    [[nodiscard]] std::size_t hanging() const;
    /// "read /pools/default/web", "assign …", "seal …", in their order.
    [[nodiscard]] std::vector<std::string> calls() const;
    /// What the last change was.
    [[nodiscard]] IdentityChange change() const;
    /// Where the last call looked.
    [[nodiscard]] GuestSystem system() const;

    GuestIdentity read_identity(const GuestSystem& system, Transfer& transfer) override;
    GuestIdentity change_identity(const GuestSystem& system, const IdentityChange& change, Transfer& transfer) override;

private:
    using Lock = std::unique_lock<std::mutex>;

    /// Writes the call down, and hangs or fails if it was told to. Returns with the lock held.
    [[nodiscard]] Lock enter(const std::string& verb, const GuestSystem& system, const Transfer& transfer);
    /// What a call finds where `id` is.
    GuestIdentity look(const std::optional<MachineId>& id);

    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::map<std::string, std::optional<MachineId>> systems_;
    std::vector<std::string> calls_;
    IdentityChange change_;
    GuestSystem system_;
    std::optional<Error> failure_;
    std::optional<GuestIdentity> finding_;
    bool blocked_ = false;
    std::size_t hanging_ = 0;
};

/// Runs no command, and says that it ended as it was told; unless it was told to fail, or that it goes on for ever.
class FakeContainers final : public ContainerTool {
public:
    void end_with(const CommandEnd& end);
    void fail(const Error& error);
    /// Commands go on until they are cancelled.
    void go_on();
    /// Commands write until nobody reads what they write.
    void write_on();
    /// Of the last command.
    [[nodiscard]] std::vector<std::string> words() const;
    [[nodiscard]] std::chrono::microseconds limit() const;

    CommandEnd run(const std::vector<UniqueFd>& namespaces, const ContainerCommand& command,
                   Transfer& transfer) override;

private:
    mutable std::mutex mutex_;
    CommandEnd end_;
    std::optional<Error> failure_;
    bool goes_on_ = false;
    bool writes_on_ = false;
    std::vector<std::string> words_;
    std::chrono::microseconds limit_{};
};

/// What the helper program does, in this process.
class DirectHostTool final : public HostTool {
public:
    explicit DirectHostTool(std::string root) : root_(std::move(root)) {}

    IdentityFiles::Ensured ensure(IdFile file) override { return IdentityFiles(root_).ensure(file); }
    bool link_dbus() override { return IdentityFiles(root_).link_dbus(); }
    void replace(const MachineId& id) override { IdentityFiles(root_).replace(id); }

private:
    std::string root_;
};

}  // namespace virtbus::test
