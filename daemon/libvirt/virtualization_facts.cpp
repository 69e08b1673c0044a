// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libvirt/virtualization_facts.h"

#include "libvirt/xml.h"

#include <fmt/format.h>

#include <array>

namespace virtbus {

namespace {

constexpr std::size_t most_evidence = 200;

/// An attribute of a device's child element; of the device itself where `element` is null.
struct Place {
    const char* element = nullptr;
    const char* name = nullptr;
};

/// Where a kind of device says what it is: a value that begins with "virtio" (virtio-transitional and the like too),
/// or the word for Xen PV.
struct Rule {
    std::string_view kind;
    std::string_view words;  ///< for people
    Place label;             ///< tells it from the others of its kind
    Place model;
    std::string_view xen = "";
};

constexpr std::array rules{
    Rule{"disk", "disk", {"target", "dev"}, {"target", "bus"}, "xen"},
    Rule{"interface", "interface", {"mac", "address"}, {"model", "type"}, "netfront"},
    Rule{"controller", "controller", {nullptr, "index"}, {nullptr, "type"}},  // virtio-serial
    Rule{"controller", "controller", {nullptr, "type"}, {nullptr, "model"}},  // scsi with virtio-scsi
    Rule{"filesystem", "file system", {"target", "dir"}, {nullptr, "model"}},
    Rule{"console", "console", {}, {"target", "type"}, "xen"},
    Rule{"channel", "channel", {"target", "name"}, {"target", "type"}, "xen"},
    Rule{"input", "input", {nullptr, "type"}, {nullptr, "bus"}, "xen"},
    Rule{"video", "video", {}, {"model", "type"}, "xen"},
    Rule{"sound", "sound", {}, {nullptr, "model"}},
    Rule{"hostdev", "host device", {}, {nullptr, "model"}},
    Rule{"memballoon", "memory balloon", {}, {nullptr, "model"}},
    Rule{"rng", "random number generator", {}, {nullptr, "model"}},
    Rule{"memory", "memory device", {}, {nullptr, "model"}},
    Rule{"vsock", "vsock", {}, {nullptr, "model"}},
    Rule{"iommu", "iommu", {}, {nullptr, "model"}},
    Rule{"crypto", "crypto device", {}, {nullptr, "model"}},
};

std::string look(const pugi::xml_node& device, const Place& place) {
    if (place.name == nullptr) return {};
    return attribute(place.element != nullptr ? device.child(place.element) : device, place.name);
}

/// QEMU offers file systems to the guest over virtio alone; elsewhere they are bind mounts.
bool is_virtio_filesystem(const pugi::xml_node& device, std::string_view domain_type) {
    return std::string_view(device.name()) == "filesystem" && (domain_type == "qemu" || domain_type == "kvm");
}

std::vector<std::string> paravirtual_devices(const pugi::xml_node& domain) {
    std::vector<std::string> found;
    const auto domain_type = attribute(domain, "type");
    const auto inspect = [&](const pugi::xml_node& device, const Rule& rule) {
        auto model = look(device, rule.model);
        if (model.empty() && is_virtio_filesystem(device, domain_type)) model = "virtio";
        const bool xen = !rule.xen.empty() && model == rule.xen;
        if (!xen && !model.starts_with("virtio")) return;
        const auto label = look(device, rule.label);
        found.push_back(
            fmt::format("{}{}{} is {}", rule.words, label.empty() ? "" : " ", label, xen ? "Xen PV" : model));
    };
    std::size_t seen = 0;
    for (const auto& device : domain.child("devices").children()) {
        if (++seen > most_items || found.size() >= most_evidence) break;
        for (const auto& rule : rules)
            if (rule.kind == device.name()) inspect(device, rule);
    }
    return found;
}

std::vector<std::string> enlightenments(const pugi::xml_node& domain) {
    std::vector<std::string> found;
    const auto hyperv = domain.child("features").child("hyperv");
    if (attribute(hyperv, "mode") == "passthrough") found.emplace_back("Hyper-V enlightenments as the host has them");
    for (const auto& feature : hyperv.children()) {
        if (found.size() >= most_evidence) break;
        if (attribute(feature, "state") == "on") found.push_back("Hyper-V enlightenment " + name_of(feature));
    }
    for (const auto& timer : domain.child("clock").children("timer")) {
        if (attribute(timer, "name") != "hypervclock" || attribute(timer, "present") == "no") continue;
        found.emplace_back("Hyper-V enlightenment hypervclock");
        break;
    }
    return found;
}

}  // namespace

VirtualizationFacts virtualization_facts(const pugi::xml_node& domain) {
    return {text_of(domain.child("os").child("type")), paravirtual_devices(domain), enlightenments(domain)};
}

}  // namespace virtbus
