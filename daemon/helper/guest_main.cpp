// SPDX-License-Identifier: LGPL-2.1-or-later
// virtbus-guest-helper: one request about what is inside a machine's disks, or a container's root; see request.h and
// guest_protocol.h. It has one thread and no state. The appliance is driven by a process of its own, which ends with
// this one, and sooner when nobody wants its work any more.
#include "helper/container_identity.h"
#include "helper/disk_layers.h"
#include "helper/guest_appliance.h"
#include "helper/guest_identity.h"
#include "helper/guest_protocol.h"
#include "helper/guest_system.h"
#include "helper/qemu_leash.h"
#include "helper/request.h"
#include "helper/worker_process.h"
#include "model/error.h"

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <initializer_list>
#include <string>
#include <string_view>

namespace {

using namespace virtbus;
using nlohmann::json;

/// Making the appliance anew is most of it.
constexpr std::chrono::minutes time_limit{5};
constexpr std::size_t disks_max = 64;

/// What QEMU takes for a format may also be a way to something that is no file.
constexpr std::array<std::string_view, 7> disk_formats{"raw", "qcow2", "qed", "vmdk", "vdi", "vhdx", "vpc"};

/// The parts of the work, as they are told; most of the time goes into the first.
struct Stage {
    static constexpr std::uint64_t begun = 0;
    static constexpr std::uint64_t launched = 60;
    static constexpr std::uint64_t mounted = 95;
    static constexpr std::uint64_t all = 100;
};

/// The first of these variables that names a directory; of several, separated by colons, the first one.
std::string directory_from(std::initializer_list<const char*> variables, const char* otherwise) {
    for (const auto* variable : variables) {
        const char* value = std::getenv(variable);
        if (value == nullptr) continue;
        const std::string text(value);
        if (auto first = text.substr(0, text.find(':')); !first.empty()) return first;
    }
    return otherwise;
}

/// The appliance, some 200 MB, is made at the first call and kept: in the service's CacheDirectory=, if it has one.
std::string cache_directory() {
    return directory_from({"CACHE_DIRECTORY", "LIBGUESTFS_CACHEDIR", "TMPDIR"}, "/var/tmp");
}

/// For what a reading writes.
std::string temporary_directory() { return directory_from({"TMPDIR"}, "/tmp"); }

void check_system(const GuestSystem& system, const Peer& peer) {
    if (system.disks.empty() == system.root.empty())
        throw Error(Code::invalid_args,
                    "A guest's system is on disks, or below a directory: one of them is to be named");
    if (system.disks.size() > disks_max)
        throw Error(Code::unsupported_guest, fmt::format("The guest has more than {} disks", disks_max));
    if (!system.root.empty()) peer.require_root("root", system.root);
    for (const auto& disk : system.disks) peer.require_file("disks", disk.path);
    for (const auto& disk : system.disks)
        if (std::find(disk_formats.begin(), disk_formats.end(), disk.format) == disk_formats.end())
            throw Error(Code::not_supported,
                        fmt::format("{} is of format \"{}\", which cannot be looked into", disk.path, disk.format));
}

std::string names_of(const json& request) {
    std::string names;
    for (const auto& disk : request.at("system").at("disks"))
        names += (names.empty() ? "" : ", ") + disk.at("path").get<std::string>();
    return names;
}

/// Reads, if there is no change.
GuestIdentity work_in_appliance(const GuestAppliance::Options& options, const IdentityChange* change,
                                WorkReport& report) {
    report.at(Stage::begun, Stage::all);
    GuestAppliance appliance(options);
    report.at(Stage::launched, Stage::all);
    const auto name = mount_guest_system(appliance);
    report.at(Stage::mounted, Stage::all);
    auto found = change == nullptr ? read_guest_identity(appliance)
                                   : change_guest_identity(appliance, *change, [&report] { report.begin_changing(); });
    found.operating_system = name;
    appliance.close();
    return found;
}

GuestIdentity work_on_disks(const std::vector<ImageFile>& disks, const json& request, const IdentityChange* change,
                            Peer& peer) {
    const GuestAppliance::Options options{
        .disks = disks,
        .is_accelerated = request.at("kvm").get<bool>(),
        .cache = cache_directory(),
        .temporary = temporary_directory(),
        .leash = std::filesystem::read_symlink("/proc/self/exe").string(),
        .act = fmt::format("{} the system on {}", change == nullptr ? "read" : "change", names_of(request))};
    const Work work{.perform = [&](WorkReport& report) -> json { return work_in_appliance(options, change, report); },
                    .limit = time_limit,
                    .act = options.act};
    return run_worker(peer, work).get<GuestIdentity>();
}

GuestIdentity read_disks(const GuestSystem& system, const json& request, Peer& peer) {
    check_disks(system.disks, Hold::still);
    const DiskLayers above(peer, system.disks, temporary_directory());
    auto found = work_on_disks(above.layers(), request, nullptr, peer);
    // If a machine has started meanwhile, what was read may be half of this and half of that.
    check_disks(system.disks, Hold::still);
    return found;
}

GuestIdentity change_disks(const GuestSystem& system, const json& request, const IdentityChange& change, Peer& peer) {
    check_disks(system.disks, Hold::alone);
    return work_on_disks(system.disks, request, &change, peer);
}

json perform(const json& request, Peer& peer) {
    const auto operation = request.at("operation").get<std::string>();
    const auto system = request.at("system").get<GuestSystem>();
    check_system(system, peer);
    const bool is_container = !system.root.empty();
    if (operation == "read_identity")
        return is_container ? read_container_identity(system.root) : read_disks(system, request, peer);
    if (operation != "change_identity") throw Error(Code::invalid_args, "There is no operation \"" + operation + "\"");
    const auto change = request.at("change").get<IdentityChange>();
    check_identity_change(change);
    return is_container ? change_container_identity(system.root, change) : change_disks(system, request, change, peer);
}

}  // namespace

int main(int count, char** arguments) {
    if (is_in_place_of_qemu()) return become_qemu(arguments);
    const rlimit no_core{0, 0};
    ::setrlimit(RLIMIT_CORE, &no_core);
    return answer_request(count, arguments, perform);
}
