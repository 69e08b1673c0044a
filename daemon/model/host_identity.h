// SPDX-License-Identifier: LGPL-2.1-or-later
// This host's machine-id: what its two files hold, watched, and the changes of them. Main thread only; the files are
// read on a thread of its own.
#pragma once

#include "base/directory_watch.h"
#include "base/latch.h"
#include "base/task.h"
#include "model/host_tool.h"
#include "model/identities.h"
#include "model/worker_lane.h"

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace virtbus {

/// What another id would break: a word, and a sentence.
using Consequence = std::pair<std::string, std::string>;

/// Of the system below `root` with this id. Blocks.
std::vector<Consequence> consequences_of_another_id(const std::string& root, const std::optional<MachineId>& id,
                                                    std::size_t running_guests);

class HostIdentity {
public:
    using Clock = std::function<std::chrono::steady_clock::time_point()>;

    /// `root` and `clock` are others in tests. What is known of it goes to `identities`.
    HostIdentity(asio::io_context& loop, std::string root, std::shared_ptr<HostTool> tool, Identities& identities,
                 Clock clock = std::chrono::steady_clock::now);

    /// Hears that what is shown of it may have changed.
    void on_change(std::function<void()> listener) { listener_ = std::move(listener); }

    /// Reads the files, and watches them from now on.
    Task<> start();
    /// Returns when they were read once, or after a few seconds.
    Task<> settled();

    [[nodiscard]] const IdentityReading& reading() const { return reading_; }
    /// What `dbus-uuidgen --get` would say; nothing when it would fail.
    [[nodiscard]] const std::optional<MachineId>& dbus_id() const { return dbus_id_; }
    [[nodiscard]] bool reboot_required() const { return reboot_required_; }

    Task<MachineId> get(IdFile file);
    Task<IdentityFiles::Ensured> ensure(IdFile file);
    Task<bool> link_dbus();
    /// Looks again.
    Task<> refresh();

    struct Prepared {
        std::string token;
        std::vector<Consequence> consequences;
        std::uint64_t expires = 0;  ///< microseconds since 1970
    };
    /// The first of two steps, for `caller`: Error invalid_state when it cannot be changed for good.
    Task<Prepared> prepare(std::string caller, std::size_t running_guests);
    /// The second: Error stale_generation unless all is as it was told.
    Task<MachineId> regenerate(std::string caller, std::string token, std::size_t running_guests);

private:
    struct Permit {
        std::string token;
        std::string caller;
        std::optional<MachineId> id;
        std::vector<Consequence> consequences;
        std::chrono::steady_clock::time_point expires;
    };

    /// Watches the directories of the files, and for each that is not there the nearest one above it. One that cannot
    /// be watched anew is watched as before.
    void watch();
    [[nodiscard]] std::unique_ptr<DirectoryWatch> watch(const std::filesystem::path& directory);
    Task<> look_soon();
    Task<std::vector<Consequence>> consequences(std::size_t running_guests);
    void require_changeable() const;

    asio::io_context& loop_;
    std::string root_;
    std::shared_ptr<HostTool> tool_;
    Identities& identities_;
    Clock clock_;
    WorkerLane lane_;
    Latch was_read_;
    std::function<void()> listener_;
    std::map<std::string, std::unique_ptr<DirectoryWatch>> watches_;  // the old one goes when the new one is there
    IdentityReading reading_;
    std::optional<MachineId> dbus_id_;
    bool reboot_required_ = false;
    bool known_ = false;
    bool looking_soon_ = false;
    std::vector<Permit> permits_;
};

}  // namespace virtbus
