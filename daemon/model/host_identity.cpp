// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/host_identity.h"

#include "base/clock.h"
#include "base/log.h"
#include "model/kernel_command_line.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>

namespace virtbus {

namespace {

using namespace std::chrono_literals;

constexpr auto patience = 30s;
constexpr auto first_patience = 5s;
constexpr auto permit_time = 120s;
constexpr auto changed_together = 100ms;  // what changes both files changes them one after the other
constexpr std::size_t most_permits = 100;

bool is_there(const std::filesystem::path& path) {
    std::error_code ignored;
    return std::filesystem::exists(path, ignored);
}

/// Boot entries and directories are named by the id, kernel-install(8). Where we may not look there may be some.
bool may_have_boot_entries(const std::filesystem::path& root, const std::string& id) {
    for (const auto* directory : {"boot", "efi", "boot/efi"}) {
        if (is_there(root / directory / id)) return true;
        std::error_code error;
        for (const auto& entry : std::filesystem::directory_iterator(root / directory / "loader/entries", error))
            if (entry.path().filename().string().starts_with(id)) return true;
        if (error == std::errc::permission_denied) return true;
    }
    return false;
}

/// Whether the kernel was told an id, or the firmware's, which systemd then takes and writes down at each boot.
bool kernel_sets_id(const std::string& root) {
    std::ifstream file(std::filesystem::path(root) / "proc/cmdline");
    const std::string command_line{std::istreambuf_iterator<char>(file), {}};
    return kernel_machine_id(command_line).is_set();
}

/// All that is read at once.
struct HostReading {
    IdentityReading files;
    std::optional<MachineId> dbus_id;
};

HostReading read_host(const std::string& root) {
    const IdentityFiles files(root);
    HostReading reading{files.read(), {}};
    if (kernel_sets_id(root)) reading.files.obstacles.emplace_back("kernel-command-line");
    try {
        reading.dbus_id = files.get(IdFile::standard);
    } catch (const Error&) {
        // It has none.
    }
    return reading;
}

}  // namespace

std::vector<Consequence> consequences_of_another_id(const std::string& root, const std::optional<MachineId>& id,
                                                    std::size_t running_guests) {
    struct Sign {
        const char* path;
        const char* word;
        const char* text;
    };
    static constexpr std::array signs{
        Sign{"var/lib/systemd/credential.secret", "credential-secret",
             "systemd removes its credential secret: what systemd-creds has encrypted with it can never be read again"},
        Sign{"var/lib/libvirt/secrets/secrets-encryption-key", "libvirt-secrets",
             "libvirt's secrets are sealed with systemd-creds: libvirtd will not start"},
        Sign{"run/systemd/netif/leases", "dhcp",
             "systemd-networkd asks DHCP servers with another client id: the addresses of this host may change"},
        Sign{"var/lib/kubelet", "kubelet", "the kubelet registers as another machine"},
        Sign{"etc/salt/minion_id", "salt", "Salt and its relatives may take this host for another one"},
        Sign{"var/lib/systemd/home", "homed", "the home directories of systemd-homed are bound to this host"},
    };
    const std::filesystem::path base(root);
    std::vector<Consequence> found;
    for (const auto& sign : signs)
        if (is_there(base / sign.path)) found.emplace_back(sign.word, sign.text);
    if (id && is_there(base / "var/log/journal" / id->text()))
        found.emplace_back("journal", "the journal until now is shown only with journalctl --merge");
    if (id && may_have_boot_entries(base, id->text()))
        found.emplace_back("boot-entries",
                           "boot entries may be named by the old id, and set it again at boot: "
                           "systemd.machine_id=");
    if (running_guests > 0)
        found.emplace_back(
            "running-guests",
            fmt::format("{} machines run; libvirt may be told that this is another host", running_guests));
    found.emplace_back("cached", "programs that run keep the old id until they start again: reboot");
    return found;
}

HostIdentity::HostIdentity(asio::io_context& loop, std::string root, std::shared_ptr<HostTool> tool,
                           Identities& identities, Clock clock)
    : loop_(loop),
      root_(std::move(root)),
      tool_(std::move(tool)),
      identities_(identities),
      clock_(std::move(clock)),
      lane_(loop, "this host's machine-id", 1, 100),
      was_read_(loop.get_executor()) {}

Task<> HostIdentity::start() {
    try {
        watch();
        co_await refresh();
    } catch (const std::exception& error) {  // whatever it is: others wait for this
        log::error(fmt::format("this host's machine-id is not known: {}", error.what()));
    }
    was_read_.set();
}

Task<> HostIdentity::settled() {
    if (!was_read_.is_set()) co_await was_read_.wait(first_patience);
}

void HostIdentity::watch() {
    for (const auto* directory : {"etc", "var/lib/dbus"})
        if (auto made = watch(std::filesystem::path(root_) / directory)) watches_[directory] = std::move(made);
}

std::unique_ptr<DirectoryWatch> HostIdentity::watch(const std::filesystem::path& directory) {
    auto nearest = directory;
    std::string awaited = "machine-id";
    for (; !is_there(nearest) && nearest.has_relative_path(); nearest = nearest.parent_path())
        awaited = nearest.filename().string();
    const auto look = [this, awaited](std::string_view file) {
        // Without a name it is the directory that has gone.
        if ((file == awaited || file.empty()) && !std::exchange(looking_soon_, true))
            spawn(loop_, look_soon(), "looking at this host's machine-id");
    };
    try {
        auto made = std::make_unique<DirectoryWatch>(loop_, nearest.string(), look, DirectoryWatch::Links::told);
        // It may have come just before.
        if (nearest != directory && is_there(nearest / awaited)) return watch(directory);
        return made;
    } catch (const std::system_error& error) {
        log::warning(fmt::format("{} cannot be watched, what others do there may show only after Refresh: {}",
                                 nearest.string(), error.what()));
        return nullptr;
    }
}

Task<> HostIdentity::look_soon() {
    co_await let_pass(loop_, changed_together);
    looking_soon_ = false;
    watch();
    co_await refresh();
}

Task<> HostIdentity::refresh() {
    auto look = [root = root_] { return read_host(root); };
    auto now = co_await lane_.run(std::move(look), patience);
    // Where there was none, no program has an old one.
    const bool is_new = std::exchange(known_, true) && reading_.id && reading_.id != now.files.id;
    reboot_required_ = reboot_required_ || is_new;
    reading_ = std::move(now.files);
    dbus_id_ = now.dbus_id;
    auto identity = identity_of(reading_);
    // Only what was seen counts, not when: else each look would be a change.
    const auto before = identities_.find(HostRef{});
    identity.observed = before.observed;
    if (identity != before) identity.observed = now_usec();
    identities_.set(HostRef{}, std::move(identity));
    if (listener_) listener_();
}

Task<MachineId> HostIdentity::get(IdFile file) {
    auto look = [root = root_, file] { return IdentityFiles(root).get(file); };
    co_return co_await lane_.run(std::move(look), patience);
}

Task<IdentityFiles::Ensured> HostIdentity::ensure(IdFile file) {
    auto work = [tool = tool_, file] { return tool->ensure(file); };
    const auto ensured = co_await lane_.run(std::move(work), patience);
    co_await refresh();
    co_return ensured;
}

Task<bool> HostIdentity::link_dbus() {
    auto work = [tool = tool_] { return tool->link_dbus(); };
    const bool changed = co_await lane_.run(std::move(work), patience);
    co_await refresh();
    co_return changed;
}

void HostIdentity::require_changeable() const {
    if (!reading_.obstacles.empty())
        throw Error(Code::invalid_state, fmt::format("this host's machine-id cannot be changed for good: {}",
                                                     fmt::join(reading_.obstacles, ", ")));
}

Task<std::vector<Consequence>> HostIdentity::consequences(std::size_t running_guests) {
    auto look = [root = root_, id = reading_.id, running_guests] {
        return consequences_of_another_id(root, id, running_guests);
    };
    co_return co_await lane_.run(std::move(look), patience);
}

Task<HostIdentity::Prepared> HostIdentity::prepare(std::string caller, std::size_t running_guests) {
    co_await refresh();
    require_changeable();
    auto found = co_await consequences(running_guests);
    const auto now = clock_();
    std::erase_if(permits_, [&](const Permit& permit) { return permit.caller == caller || permit.expires < now; });
    if (permits_.size() >= most_permits)
        throw Error(Code::busy, "too many are about to change this host's machine-id; try again in two minutes");
    permits_.push_back({MachineId::random().text(), std::move(caller), reading_.id, found, now + permit_time});
    const auto expires = now_usec() + static_cast<std::uint64_t>(std::chrono::microseconds(permit_time).count());
    co_return Prepared{permits_.back().token, std::move(found), expires};
}

Task<MachineId> HostIdentity::regenerate(std::string caller, std::string token, std::size_t running_guests) {
    const auto found = std::find_if(permits_.begin(), permits_.end(), [&](const Permit& permit) {
        return permit.token == token && permit.caller == caller;
    });
    if (found == permits_.end())
        throw Error(Code::stale_generation, "token: it is none that PrepareRegenerate has given to this caller");
    const auto permit = *found;
    permits_.erase(found);  // used, whatever comes
    if (permit.expires < clock_())
        throw Error(Code::stale_generation, "token: it has expired; PrepareRegenerate again");
    co_await refresh();
    require_changeable();
    const auto consequences_now = co_await consequences(running_guests);
    if (permit.id != reading_.id || permit.consequences != consequences_now)
        throw Error(Code::stale_generation, "token: something has changed since; PrepareRegenerate again");
    auto id = MachineId::random();
    while (!identities_.with(id).empty()) id = MachineId::random();
    auto work = [tool = tool_, id] { tool->replace(id); };
    co_await lane_.run(std::move(work), patience);
    co_await refresh();
    if (reading_.id != id || !reading_.consistent)
        throw Error(Code::failed, "this host's machine-id is not what was written; somebody else writes it too");
    log::warning(fmt::format("this host has another machine-id (fingerprint {}): reboot", fingerprint(id)));
    co_return id;
}

}  // namespace virtbus
