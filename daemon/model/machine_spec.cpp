// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/machine_spec.h"

#include "base/utf8.h"
#include "model/allowed_files.h"
#include "model/checked_text.h"
#include "model/error.h"

#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>
#include <utility>

namespace virtbus {

namespace {

constexpr std::size_t name_bytes = 100;
constexpr std::size_t title_bytes = 1'000;
constexpr std::size_t description_bytes = 100'000;
constexpr std::size_t cmdline_bytes = 2'048;  // what x86 kernels take: COMMAND_LINE_SIZE
constexpr std::size_t device_count = 64;
constexpr std::size_t init_count = 100;
constexpr std::size_t tag_count = 100;
constexpr std::size_t tag_bytes = 100;
constexpr std::uint64_t memory_min = std::uint64_t{1} << 20;
constexpr std::uint64_t memory_max = std::uint64_t{16} << 40;
constexpr std::uint32_t vcpus_max = 4'096;

void check_one_of(std::string_view key, std::string_view value, std::initializer_list<std::string_view> allowed) {
    if (std::find(allowed.begin(), allowed.end(), value) != allowed.end()) return;
    refuse_value(key,
                 fmt::format("must be one of {}, not \"{}\"", fmt::join(allowed, ", "), to_utf8(value.substr(0, 100))));
}

/// An identifier that libvirt or QEMU takes: architecture, machine type, device model.
void check_word(std::string_view key, std::string_view word) {
    const auto allowed = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
               c == '.';
    };
    if (word.size() > 64 || !std::all_of(word.begin(), word.end(), allowed))
        refuse_value(key, "at most 64 letters, digits, \"-\", \"_\" and \".\"");
}

void check_mac(std::string_view key, std::string_view mac) {
    const auto is_hex = [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    };
    bool fits = mac.size() == 17;
    for (std::size_t i = 0; fits && i < mac.size(); ++i) fits = i % 3 == 2 ? mac[i] == ':' : is_hex(mac[i]);
    if (!fits) refuse_value(key, "must look like 52:54:00:12:34:56");
}

void check_disk(const std::string& key, const DiskSpec& disk) {
    check_one_of(key + ".device", disk.device, {"disk", "cdrom"});
    if (!disk.bus.empty()) check_one_of(key + ".bus", disk.bus, {"virtio", "scsi", "sata", "ide", "usb"});
    const bool from_pool = !disk.pool.empty() || !disk.volume.empty();
    if (from_pool && !disk.file.empty()) refuse_value(key, "either pool and volume, or file, not both");
    if (disk.pool.empty() != disk.volume.empty()) refuse_value(key, "pool and volume belong together");
    check_line(key + ".pool", disk.pool, name_bytes);
    check_line(key + ".volume", disk.volume, 255);
    if (!disk.format.empty()) check_one_of(key + ".format", disk.format, {"qcow2", "raw"});
    if (!disk.file.empty() && disk.format.empty())
        refuse_value(key + ".format", "required with file: it is never guessed");
    if (disk.file.empty() && !from_pool && disk.device != "cdrom")
        refuse_value(key, "needs pool and volume, or file; only a cdrom may be empty");
}

void check_interface(const std::string& key, const InterfaceSpec& interface) {
    check_one_of(key + ".type", interface.type, {"user", "network", "bridge"});
    if ((interface.type == "network") == interface.network.empty())
        refuse_value(key + ".network", "required for type network, and only there");
    if ((interface.type == "bridge") == interface.bridge.empty())
        refuse_value(key + ".bridge", "required for type bridge, and only there");
    check_line(key + ".network", interface.network, name_bytes);
    check_word(key + ".bridge", interface.bridge);
    check_word(key + ".model", interface.model);
    if (!interface.mac.empty()) check_mac(key + ".mac", interface.mac);
}

void check_boot(const MachineSpec& spec) {
    if (spec.kernel.empty() && !spec.initrd.empty()) refuse_value("initrd", "needs a kernel");
    if (spec.kernel.empty() && !spec.cmdline.empty()) refuse_value("cmdline", "needs a kernel");
    check_line("cmdline", spec.cmdline, cmdline_bytes);
}

void check_init(const std::vector<std::string>& init) {
    if (init.size() > init_count)
        refuse_value("init", fmt::format("{} words are too many, at most {}", init.size(), init_count));
    for (const auto& word : init) check_line("init", word, 4'096);
    if (!init.empty() && init.front().rfind('/', 0) != 0)
        refuse_value("init", "must begin with an absolute path in the container");
}

/// What a container has no use for, and what it has instead or why not.
constexpr std::pair<std::string_view, std::string_view> not_of_containers[] = {
    {"maximum_vcpus", "a container has all CPUs that it is given from the start"},
    {"machine_type", "a container has no machine of its own"},
    {"firmware", "a container boots no firmware"},
    {"acceleration", "a container runs on the host's CPUs themselves"},
    {"disks", "a container has a root instead"},
    {"kernel", "a container shares the host's"},
    {"initrd", "a container shares the host's kernel"},
    {"cmdline", "a container shares the host's kernel; init takes arguments"},
    {"serial", "a container always has a console"},
    {"graphics", "a container has no display"},
    {"guest_agent", "a container needs none: RunCommand"},
    {"rng", "a container shares the host's"},
    {"paused", "a container cannot be started paused"},
};

}  // namespace

void check_name(std::string_view key, std::string_view name) {
    if (name.empty()) refuse_value(key, "must not be empty");
    check_line(key, name, name_bytes);
    if (name.find('/') != std::string_view::npos) refuse_value(key, "\"/\" is not allowed");
    if (name.find_first_not_of('.') == std::string_view::npos) refuse_value(key, "must not be only dots");
}

void check_memory(std::string_view key, std::uint64_t bytes) {
    if (bytes < memory_min || bytes > memory_max)
        refuse_value(key, fmt::format("{} bytes are not between 1 MiB and 16 TiB", bytes));
}

void check_vcpus(std::string_view key, std::uint32_t vcpus) {
    if (vcpus < 1 || vcpus > vcpus_max) refuse_value(key, fmt::format("{} is not between 1 and {}", vcpus, vcpus_max));
}

void check_title(std::string_view key, std::string_view title) { check_line(key, title, title_bytes); }

void check_description(std::string_view key, std::string_view description) {
    check_text(key, description, description_bytes);
    // XML 1.0 can't hold the other control characters, escaped or not.
    for (const char c : description)
        if (static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t')
            refuse_value(key, "of the control characters only line breaks and tabs are allowed");
}

std::vector<std::string> check_tags(std::string_view key, std::vector<std::string> tags) {
    const auto allowed = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               std::string_view("-_.:=@").find(c) != std::string_view::npos;
    };
    if (tags.size() > tag_count)
        refuse_value(key, fmt::format("{} tags are too many, at most {}", tags.size(), tag_count));
    for (const auto& tag : tags)
        if (tag.empty() || tag.size() > tag_bytes || !std::all_of(tag.begin(), tag.end(), allowed))
            refuse_value(key, fmt::format("\"{}\" is not 1 to {} letters, digits and \"-_.:=@\"",
                                          to_utf8(tag.substr(0, 100)), tag_bytes));
    std::sort(tags.begin(), tags.end());
    tags.erase(std::unique(tags.begin(), tags.end()), tags.end());
    return tags;
}

void validate(const MachineSpec& spec) {
    check_name("name", spec.name);
    check_memory("memory", spec.memory);
    check_vcpus("vcpus", spec.vcpus);
    if (spec.maximum_vcpus != 0) {
        check_vcpus("maximum_vcpus", spec.maximum_vcpus);
        if (spec.maximum_vcpus < spec.vcpus) refuse_value("maximum_vcpus", "less than vcpus");
    }
    check_word("arch", spec.arch);
    check_word("machine_type", spec.machine_type);
    if (!spec.firmware.empty()) check_one_of("firmware", spec.firmware, {"bios", "efi"});
    check_one_of("acceleration", spec.acceleration, {"auto", "kvm", "tcg"});
    check_one_of("graphics", spec.graphics, {"none", "vnc", "spice"});
    check_title("title", spec.title);
    check_description("description", spec.description);
    check_tags("tags", spec.tags);
    check_boot(spec);
    check_init(spec.init);
    if (spec.disks.size() > device_count) refuse_value("disks", fmt::format("at most {}", device_count));
    for (std::size_t i = 0; i < spec.disks.size(); ++i) check_disk(fmt::format("disks[{}]", i), spec.disks[i]);
    if (!spec.interfaces) return;
    if (spec.interfaces->size() > device_count) refuse_value("interfaces", fmt::format("at most {}", device_count));
    for (std::size_t i = 0; i < spec.interfaces->size(); ++i)
        check_interface(fmt::format("interfaces[{}]", i), (*spec.interfaces)[i]);
}

void check_files(const MachineSpec& spec, const AllowedFiles& allowed) {
    if (!spec.kernel.empty()) allowed.check("kernel", spec.kernel);
    if (!spec.initrd.empty()) allowed.check("initrd", spec.initrd);
    if (!spec.root.empty()) allowed.check_root("root", spec.root);
    for (std::size_t i = 0; i < spec.disks.size(); ++i)
        if (!spec.disks[i].file.empty()) allowed.check(fmt::format("disks[{}].file", i), spec.disks[i].file);
}

void check_kind(const MachineSpec& spec, Kind kind) {
    const auto is_given = [&](std::string_view key) {
        return std::find(spec.given.begin(), spec.given.end(), key) != spec.given.end();
    };
    if (kind == Kind::vm) {
        for (const std::string_view key : {"root", "init"})
            if (is_given(key)) refuse_value(key, "only a container has one, and this hypervisor has virtual machines");
        return;
    }
    for (const auto& [key, reason] : not_of_containers)
        if (is_given(key)) refuse_value(key, reason);
    if (spec.root.empty()) refuse_value("root", "required for a container: a directory of the host");
    for (const auto& interface : spec.interfaces.value_or(std::vector<InterfaceSpec>()))
        if (interface.type == "user")
            refuse_value("interfaces", "type user is for virtual machines; a container takes network or bridge");
}

}  // namespace virtbus
