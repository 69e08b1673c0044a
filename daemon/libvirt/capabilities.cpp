// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libvirt/capabilities.h"

#include "libvirt/xml.h"

#include <fmt/format.h>

#include <algorithm>

namespace virtbus {

namespace {

HardwareVirtualization hardware_from(std::string_view flag) {
    if (flag == "vmx") return HardwareVirtualization::vmx;
    if (flag == "svm") return HardwareVirtualization::svm;
    return HardwareVirtualization::none;
}

HardwareVirtualization read_hardware(const pugi::xml_node& cpu) {
    for (const auto& feature : cpu.children("feature"))
        if (const auto found = hardware_from(feature.attribute("name").value()); found != HardwareVirtualization::none)
            return found;
    return HardwareVirtualization::none;
}

GuestCapability read_guest(const pugi::xml_node& guest) {
    const auto arch = guest.child("arch");
    GuestCapability capability{text_of(guest.child("os_type")), attribute(arch, "name"), {}};
    for (const auto& domain : arch.children("domain")) {
        if (capability.domain_types.size() == most_items) break;
        capability.domain_types.push_back(attribute(domain, "type"));
    }
    return capability;
}

}  // namespace

bool GuestCapability::offers(std::string_view domain_type) const {
    return std::find(domain_types.begin(), domain_types.end(), domain_type) != domain_types.end();
}

Capabilities read_capabilities(std::string_view xml) {
    pugi::xml_document document;
    const auto root = parse_xml(document, xml, "capabilities");
    const auto cpu = root.child("host").child("cpu");
    Capabilities capabilities;
    capabilities.arch = text_of(cpu.child("arch"));
    capabilities.cpu = text_of(cpu.child("model"));
    capabilities.hardware = read_hardware(cpu);
    if (cpu) capabilities.cpu_xml = to_text(cpu);
    for (const auto& guest : root.children("guest")) {
        if (capabilities.guests.size() == most_items) break;
        capabilities.guests.push_back(read_guest(guest));
    }
    return capabilities;
}

std::vector<Acceleration> accelerations(const Capabilities& capabilities) {
    bool kvm = false, xen = false, tcg = false, native = false;
    for (const auto& guest : capabilities.guests)
        for (const auto& type : guest.domain_types) {
            if (type == "kvm")
                kvm = true;
            else if (type == "xen")
                xen = true;
            else if (type == "qemu")
                tcg = true;
            else
                native = true;
        }
    std::vector<Acceleration> result;
    if (kvm) result.push_back(Acceleration::kvm);
    if (xen) result.push_back(Acceleration::xen);
    if (tcg) result.push_back(Acceleration::tcg);
    if (native) result.push_back(Acceleration::native);
    return result;
}

std::vector<Virtualization> guest_types(const Capabilities& capabilities) {
    bool full = false, para = false, hybrid = false, container = false;
    for (const auto& guest : capabilities.guests) {
        full = full || guest.os_type == "hvm";
        para = para || guest.os_type == "xen" || guest.os_type == "linux";
        hybrid = hybrid || guest.os_type == "hvm" || guest.os_type == "xenpvh";
        container = container || guest.os_type == "exe";
    }
    std::vector<Virtualization> result;
    if (full) result.push_back(Virtualization::full);
    if (para) result.push_back(Virtualization::para);
    if (hybrid) result.push_back(Virtualization::hybrid);
    if (container) result.push_back(Virtualization::container);
    return result;
}

HardwareVirtualization hardware_of_cpu(std::string_view xml) {
    pugi::xml_document document;
    return read_hardware(parse_xml(document, xml, "cpu"));
}

HardwareVirtualization hardware_virtualization(std::string_view cpuinfo) {
    const auto start = cpuinfo.find("\nflags");
    if (start == std::string_view::npos) return HardwareVirtualization::none;
    auto flags = cpuinfo.substr(start + 1, cpuinfo.find('\n', start + 1) - start - 1);
    while (!flags.empty()) {
        const auto flag = flags.substr(0, flags.find(' '));
        if (const auto found = hardware_from(flag); found != HardwareVirtualization::none) return found;
        flags.remove_prefix(std::min(flags.size(), flag.size() + 1));
    }
    return HardwareVirtualization::none;
}

std::string version_text(unsigned long version) {
    if (version == 0) return "";
    return fmt::format("{}.{}.{}", version / 1'000'000, version / 1'000 % 1'000, version % 1'000);
}

}  // namespace virtbus
