// SPDX-License-Identifier: LGPL-2.1-or-later
#include "helper/guest_system.h"

#include "base/utf8.h"
#include "model/error.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace virtbus {

namespace {

/// Discoverable partitions, which systemd mounts without any fstab(5).
constexpr std::string_view esp_type = "c12a7328-f81f-11d2-ba4b-00a0c93ec93b";
constexpr std::string_view xbootldr_type = "bc13c2ff-59e6-4262-a352-b275fd6f7172";

/// Nothing that we look at is anywhere else.
constexpr std::array<std::string_view, 8> looked_at_below{"/",    "/boot", "/boot/efi", "/efi",
                                                          "/etc", "/usr",  "/var",      "/var/lib"};

constexpr std::int64_t os_release_max = 65'536;
constexpr std::size_t os_name_max = 256;
constexpr std::size_t listed_max = 500;

Error unfit_system(const std::string& what) { return {Code::unsupported_guest, what}; }

std::string listed(const std::vector<std::string>& words) {
    // Names of subvolumes are the guest's.
    const auto text = fmt::format("{}", fmt::join(words, ", "));
    return to_utf8(text.size() > listed_max ? text.substr(0, listed_max) + "…" : text);
}

/// Why there is none, as far as that can be told.
Error no_system(GuestAppliance& appliance) {
    std::vector<std::string> encrypted;
    std::vector<std::string> others;
    for (const auto& [device, type] : appliance.other_contents()) {
        if (type == "crypto_LUKS" || type == "BitLocker") encrypted.push_back(device);
        if (!type.empty()) others.push_back(device + " (" + type + ")");
    }
    if (!encrypted.empty())
        return unfit_system(fmt::format("The guest's system cannot be read: {} is encrypted", listed(encrypted)));
    if (others.empty()) return unfit_system("There is no operating system on the guest's disks: they are empty");
    return unfit_system("There is no operating system on the guest's disks, only " + listed(others));
}

void refuse_hibernated(GuestAppliance& appliance) {
    for (const auto& [device, type] : appliance.file_systems())
        if (type == "swsuspend")
            throw unfit_system(
                fmt::format("The guest hibernates: its memory is on {}, and knows the disks as they "
                            "are. Start it, and shut it down",
                            to_utf8(device)));
}

std::string the_only_root(GuestAppliance& appliance) {
    const auto roots = appliance.find_systems();
    if (roots.empty()) throw no_system(appliance);
    if (roots.size() > 1)
        throw unfit_system(
            fmt::format("There are {} operating systems on the guest's disks, on {}: which one it boots "
                        "cannot be told",
                        roots.size(), listed(roots)));
    const auto type = appliance.type_of(roots.front());
    if (type != "linux")
        throw unfit_system(fmt::format("The guest's operating system is no Linux, but {} ({})",
                                       to_utf8(appliance.name_of(roots.front())), to_utf8(type)));
    return roots.front();
}

/// As systemd-gpt-auto-generator(8) has it.
void mount_discoverable(GuestAppliance& appliance, std::map<std::string, std::string>& mounted) {
    const auto place = [&](const std::string& partition, const std::string& mountpoint) {
        const bool is_used = std::any_of(mounted.begin(), mounted.end(), [&](const auto& row) {
            return row.first == mountpoint || row.second == partition;
        });
        if (is_used || appliance.look_through(mountpoint).kind != FileFacts::Kind::directory) return false;
        appliance.mount(partition, mountpoint);
        mounted[mountpoint] = partition;
        return true;
    };
    for (const auto& partition : appliance.partitions_of_type(std::string(xbootldr_type))) place(partition, "/boot");
    for (const auto& partition : appliance.partitions_of_type(std::string(esp_type)))
        if (!place(partition, "/efi") && !place(partition, "/boot")) place(partition, "/boot/efi");
}

/// The value of a line of os-release(5), without quotes.
std::string value_of(std::string_view text, std::string_view key) {
    for (std::size_t begin = 0; begin < text.size();) {
        const auto end = std::min(text.find('\n', begin), text.size());
        auto line = text.substr(begin, end - begin);
        begin = end + 1;
        if (line.substr(0, key.size()) != key) continue;
        line.remove_prefix(key.size());
        if (line.size() >= 2 && (line.front() == '"' || line.front() == '\'') && line.back() == line.front())
            line = line.substr(1, line.size() - 2);
        return std::string(line.substr(0, os_name_max));
    }
    return "";
}

}  // namespace

std::string mount_guest_system(GuestAppliance& appliance) {
    const auto root = the_only_root(appliance);
    refuse_hibernated(appliance);
    auto mountpoints = appliance.mountpoints_of(root);  // sorted, so that what is below comes after what is above
    std::map<std::string, std::string> mounted;
    for (const auto& [mountpoint, file_system] : mountpoints) {
        if (std::find(looked_at_below.begin(), looked_at_below.end(), mountpoint) == looked_at_below.end()) continue;
        appliance.mount(file_system, mountpoint);
        mounted[mountpoint] = file_system;
    }
    mount_discoverable(appliance, mounted);
    const auto name = system_name(appliance);
    return name.empty() ? to_utf8(appliance.name_of(root)) : name;
}

std::string system_name(GuestFiles& files) {
    for (const auto* path : {"/etc/os-release", "/usr/lib/os-release"}) {
        const auto facts = files.look_through(path);
        if (facts.kind != FileFacts::Kind::regular || facts.size > os_release_max) continue;
        const auto name = to_utf8(value_of(files.read(path, 0, static_cast<std::size_t>(facts.size)), "PRETTY_NAME="));
        if (!name.empty() && !has_control(name)) return name;
    }
    return "";
}

}  // namespace virtbus
