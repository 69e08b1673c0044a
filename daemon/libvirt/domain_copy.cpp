// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libvirt/domain_copy.h"

#include "libvirt/device_copy.h"
#include "libvirt/metadata.h"
#include "libvirt/xml.h"
#include "libvirt/xml_edit.h"
#include "model/error.h"
#include "model/kernel_command_line.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string_view>
#include <vector>

namespace virtbus {

namespace {

// ---- who it is ------------------------------------------------------------------------------------------------------

/// Of what we know of the source, tags alone are the copy's too.
void copy_metadata(pugi::xml_node domain, std::uint32_t owner) {
    auto ours = read_metadata(domain);
    ours.owner = owner;
    auto metadata = domain.child("metadata");
    for (auto child = metadata.first_child(); child;) {
        const auto next = child.next_sibling();
        if (local_name(child) == "machine" && namespace_of(child) == metadata_namespace) metadata.remove_child(child);
        child = next;
    }
    pugi::xml_document scratch;
    auto written = scratch.append_child("domain");
    write_metadata(written, ours);
    if (!written.first_child()) return;
    if (!metadata) metadata = domain.append_child("metadata");
    metadata.append_copy(written.child("metadata").first_child());
}

void rename_copy(pugi::xml_node domain, const MachineCopy& copy) {
    domain.remove_attribute("id");
    replace_child(domain, "uuid", copy.uuid.text());
    replace_child(domain, "name", copy.name);
    drop(domain, "hwuuid");  // the UUID that the guest sees, when it is not the machine's
    for (auto genid : domain.children("genid")) assign_text(genid, "");
    copy_metadata(domain, copy.owner);
}

/// Labels that libvirt chooses go. What an administrator has them based on is a setting like others, and stays.
void drop_chosen_labels(pugi::xml_node domain) {
    for (auto label : domain.children("seclabel")) {
        if (attribute(label, "type") != "dynamic") continue;
        drop(label, "label");
        drop(label, "imagelabel");
    }
    drop_if(domain, "seclabel", [](const pugi::xml_node& label) {
        return attribute(label, "type") == "dynamic" && !label.child("baselabel");
    });
}

// ---- machine-ids in the definition ----------------------------------------------------------------------------------

constexpr std::array command_line_strings{"io.systemd.stub.kernel-cmdline-extra=",
                                          "io.systemd.boot.kernel-cmdline-extra="};

/// The firmware's strings carry credentials and pieces of the command line too.
bool is_machine_id_string(std::string_view text) {
    return text.starts_with("io.systemd.credential:system.machine_id=") ||
           text.starts_with("io.systemd.credential.binary:system.machine_id=");
}

void clean_command_line(pugi::xml_node element, std::string_view prefix = {}) {
    const auto text = text_of(element, std::size_t{1} << 20);
    if (!text.starts_with(prefix)) return;
    const auto line = std::string_view(text).substr(prefix.size());
    const auto cleaned = without_machine_id(line);
    if (cleaned != line) assign_text(element, std::string(prefix) + cleaned);
}

void drop_machine_ids(pugi::xml_node domain) {
    for (auto line : domain.child("os").children("cmdline")) clean_command_line(line);
    for (auto sysinfo : domain.children("sysinfo")) {
        auto strings = sysinfo.child("oemStrings");
        drop_if(strings, "entry", [](const pugi::xml_node& entry) { return is_machine_id_string(text_of(entry)); });
        for (auto entry : strings.children("entry"))
            for (const char* prefix : command_line_strings) clean_command_line(entry, prefix);
        drop_if(sysinfo, "entry", [](const pugi::xml_node& entry) {
            return attribute(entry, "name") == "opt/io.systemd.credentials/system.machine_id";
        });
    }
}

// ---- firmware -------------------------------------------------------------------------------------------------------

/// libvirt refuses a UUID that is not the machine's.
void copy_system_uuid(pugi::xml_node domain, const Uuid& uuid) {
    for (const auto& sysinfo : domain.children("sysinfo"))
        for (auto entry : sysinfo.child("system").children("entry"))
            if (attribute(entry, "name") == "uuid") assign_text(entry, uuid.text());
}

/// libvirt makes the file of the variables from their template, and finds one by the firmware where none is named.
void drop_variables_file(pugi::xml_node domain) {
    auto os = domain.child("os");
    for (auto nvram : os.children("nvram")) {
        nvram.remove_children();
        nvram.remove_attribute("type");
    }
    drop_if(os, "nvram", [](const pugi::xml_node& nvram) { return !nvram.first_attribute(); });
}

// ---- storage --------------------------------------------------------------------------------------------------------

/// Puts a disk on an image. Of what is known of its source only the key of an encrypted one fits the copy too.
void put_on(pugi::xml_node disk, const MachineCopy::Image& image) {
    assign(disk, "type", "file");
    auto driver = disk.child("driver");
    if (!driver) driver = disk.prepend_child("driver");
    assign(driver, "type", image.format);
    if (attribute(driver, "name") == "phy") assign(driver, "name", "qemu");  // Xen's, for devices only
    const auto before = disk.child("source");
    auto source = disk.insert_child_after("source", driver);
    assign(source, "file", image.path);
    if (const auto key = before.child("encryption")) source.append_copy(key);
    drop_if(disk, "source", [&](const pugi::xml_node& each) { return each != source; });
    for (const char* of_source : {"backingStore", "mirror", "auth"}) drop(disk, of_source);
    if (attribute(disk, "device") != "lun") return;
    assign(disk, "device", "disk");  // commands of SCSI pass through to devices only
    for (const char* of_lun : {"sgio", "rawio"}) disk.remove_attribute(of_lun);
}

bool may_be_shared(const pugi::xml_node& disk) {
    const auto device = attribute(disk, "device");
    return device == "cdrom" || device == "floppy" || disk.child("readonly") || disk.child("shareable");
}

/// Gives the disks their images; returns the names of those for which there is none and that cannot be shared.
std::vector<std::string> copy_disks(pugi::xml_node devices, const MachineCopy& copy, const std::string& cannot) {
    std::map<std::string, const MachineCopy::Image*> images;
    for (const auto& image : copy.images)
        if (!images.emplace(image.target, &image).second)
            throw Error(Code::invalid_args, fmt::format("{}: two images are for its disk {}", cannot, image.target));
    std::vector<std::string> shared;
    std::set<std::string> targets;
    for (auto disk : devices.children("disk")) {
        const auto target = attribute(disk.child("target"), "dev");
        if (!targets.insert(target).second)
            throw Error(Code::invalid_xml, fmt::format("{}: two of its disks are called \"{}\"", cannot, target));
        if (const auto found = images.find(target); found != images.end())
            put_on(disk, *found->second);
        else if (!may_be_shared(disk))
            shared.push_back("disk " + target);
    }
    for (const auto& image : copy.images)
        if (!targets.contains(image.target))
            throw Error(Code::invalid_args, fmt::format("{}: it has no disk {}", cannot, image.target));
    return shared;
}

/// Memory that lasts, and a container's root, are disks by other names.
void find_other_storage(const pugi::xml_node& devices, std::vector<std::string>& shared) {
    for (const auto& memory : devices.children("memory")) {
        const auto path = text_of(memory.child("source").child("path"));
        if (!path.empty() && !memory.child("target").child("readonly")) shared.push_back("persistent memory " + path);
    }
    for (const auto& filesystem : devices.children("filesystem"))
        if (attribute(filesystem.child("target"), "dir") == "/" && !filesystem.child("readonly"))
            shared.emplace_back("root file system");
}

void copy_storage(pugi::xml_node devices, const MachineCopy& copy, const std::string& cannot) {
    constexpr std::size_t most_named = 20;
    auto shared = copy_disks(devices, copy, cannot);
    find_other_storage(devices, shared);
    if (shared.empty()) return;
    const auto more = shared.size() > most_named ? fmt::format(" and {} more", shared.size() - most_named) : "";
    shared.resize(std::min(shared.size(), most_named));
    throw Error(Code::invalid_state,
                fmt::format("{}: the copy would write to its {}{} too; detach that, make it readonly or shareable, or "
                            "have it in an image of a pool, which is copied",
                            cannot, fmt::join(shared, ", "), more));
}

}  // namespace

std::string copy_domain_xml(const std::string& xml, const MachineCopy& copy) {
    pugi::xml_document document;
    auto domain = parse_xml(document, xml, "domain");
    auto devices = domain.child("devices");
    copy_storage(devices, copy, "Cannot clone " + text_of(domain.child("name")));

    rename_copy(domain, copy);
    drop_chosen_labels(domain);
    drop_machine_ids(domain);
    copy_system_uuid(domain, copy.uuid);
    drop_variables_file(domain);
    copy_devices(devices);
    return to_text(domain);
}

}  // namespace virtbus
