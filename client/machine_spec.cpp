// SPDX-License-Identifier: LGPL-2.1-or-later
#include "machine_spec.h"

#include <sdbus-c++/sdbus-c++.h>

#include <filesystem>

#include "failure.h"
#include "key_values.h"
#include "units.h"

namespace virtbusctl {

namespace {

std::string absolute(const std::string& file) { return std::filesystem::absolute(file).lexically_normal(); }

void put_text(Dictionary& spec, const char* key, const std::string& text) {
    if (!text.empty()) spec[key] = text;
}

void add_file(Dictionary& spec, const char* key, const std::string& file) {
    if (!file.empty()) spec[key] = absolute(file);
}

void add_count(Dictionary& spec, const char* key, const std::string& count) {
    if (!count.empty()) spec[key] = parse_count(count);
}

/// Only when it differs from what the daemon does by itself.
void add_flag(Dictionary& spec, const char* key, bool given, bool value) {
    if (given) spec[key] = value;
}

std::vector<Dictionary> parse_all(const std::vector<std::string>& texts, Dictionary (*parse)(const std::string&)) {
    std::vector<Dictionary> result;
    for (const auto& text : texts) result.push_back(parse(text));
    return result;
}

/// "none" alone: a machine without any.
std::vector<Dictionary> parse_interfaces(const std::vector<std::string>& texts) {
    if (texts.size() == 1 && texts.front() == "none") return {};
    return parse_all(texts, parse_interface);
}

/// "default/web.qcow2,readonly" is short for "pool=default,volume=web.qcow2,readonly".
std::string with_keys(const std::string& disk) {
    const auto first = disk.substr(0, disk.find(','));
    const auto slash = first.find('/');
    // A "=" behind the slash is the image's.
    if (first.find('=') < slash || slash == std::string::npos || slash == 0) return disk;
    return "pool=" + disk.substr(0, slash) + ",volume=" + disk.substr(slash + 1);
}

}  // namespace

Dictionary parse_disk(const std::string& text) {
    Dictionary disk;
    for (const auto& [key, value] : parse_key_values(with_keys(text))) {
        if (key == "readonly")
            disk[key] = parse_yes_no(value);
        else
            disk[key] = key == "file" ? absolute(value) : value;
    }
    if (disk.count("file") + disk.count("volume") != 1)
        throw UsageError("a disk is POOL/IMAGE, pool=POOL,volume=IMAGE or file=FILE,format=FORMAT");
    return disk;
}

Dictionary parse_interface(const std::string& text) {
    Dictionary interface;
    for (const auto& [key, value] : parse_key_values(text)) interface[key] = value;
    for (const char* type : {"network", "bridge"})
        if (interface.count(type) > 0 && interface.count("type") == 0) interface["type"] = std::string(type);
    return interface;
}

Dictionary machine_spec(const MachineOptions& options) {
    Dictionary spec;
    spec["name"] = options.name;
    if (!options.memory.empty()) spec["memory"] = parse_size(options.memory);
    add_count(spec, "vcpus", options.vcpus);
    add_count(spec, "maximum_vcpus", options.maximum_vcpus);
    put_text(spec, "uuid", options.uuid);
    put_text(spec, "arch", options.arch);
    put_text(spec, "machine_type", options.machine_type);
    put_text(spec, "firmware", options.firmware);
    put_text(spec, "acceleration", options.acceleration);
    put_text(spec, "graphics", options.graphics);
    put_text(spec, "title", options.title);
    put_text(spec, "description", options.description);
    add_file(spec, "kernel", options.kernel);
    add_file(spec, "initrd", options.initrd);
    put_text(spec, "cmdline", options.cmdline);
    add_file(spec, "root", options.root);
    if (!options.init.empty()) spec["init"] = options.init;
    if (!options.tags.empty()) spec["tags"] = options.tags;
    if (!options.disks.empty()) spec["disks"] = parse_all(options.disks, parse_disk);
    if (!options.interfaces.empty()) spec["interfaces"] = parse_interfaces(options.interfaces);
    add_flag(spec, "serial", options.no_serial, false);
    add_flag(spec, "guest_agent", options.no_guest_agent, false);
    add_flag(spec, "rng", options.no_rng, false);
    add_flag(spec, "autostart", options.autostart, true);
    add_flag(spec, "start", options.start || options.paused, true);
    add_flag(spec, "paused", options.paused, true);
    return spec;
}

}  // namespace virtbusctl
