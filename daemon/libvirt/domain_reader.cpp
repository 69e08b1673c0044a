// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libvirt/domain_reader.h"

#include "libvirt/metadata.h"
#include "libvirt/virtualization_facts.h"
#include "libvirt/xml.h"
#include "model/error.h"
#include "model/kernel_command_line.h"

#include <limits>

namespace virtbus {

namespace {

constexpr std::size_t most_description = 100'000;

/// libvirt writes the id into the XML of what runs.
bool is_live(const pugi::xml_node& domain) { return !domain.attribute("id").empty(); }

template <typename T>
T small(std::string_view text) {
    const auto number = number_from(text);
    return number && *number <= std::numeric_limits<T>::max() ? static_cast<T>(*number) : T{0};
}

Acceleration read_acceleration(const pugi::xml_node& domain) {
    const auto type = attribute(domain, "type");
    if (type == "kvm") return Acceleration::kvm;
    if (type == "xen") return Acceleration::xen;
    if (type == "qemu") return Acceleration::tcg;
    return Acceleration::native;
}

std::string read_firmware(const pugi::xml_node& domain) {
    const auto os = domain.child("os");
    const auto type = os.child("type");
    if (text_of(type) != "hvm") return "";
    if (const auto firmware = attribute(os, "firmware"); !firmware.empty()) return firmware;
    if (attribute(os.child("loader"), "type") == "pflash") return "efi";
    // Other architectures have firmware of their own kinds.
    const auto arch = attribute(type, "arch");
    return arch == "x86_64" || arch == "i686" ? "bios" : "";
}

Disk read_disk(const pugi::xml_node& device) {
    const auto source = device.child("source");
    Disk disk;
    disk.target = attribute(device.child("target"), "dev");
    disk.bus = attribute(device.child("target"), "bus");
    disk.device = attribute(device, "device");
    if (disk.device.empty()) disk.device = "disk";
    disk.format = attribute(device.child("driver"), "type");
    const auto type = attribute(device, "type");
    if (type == "file") {
        disk.file = attribute(source, "file");
    } else if (type == "block") {
        disk.block = attribute(source, "dev");
    } else if (type == "dir") {
        disk.dir = attribute(source, "dir");
    } else if (type == "volume") {
        disk.pool = attribute(source, "pool");
        disk.volume = attribute(source, "volume");
    } else if (type == "network") {
        disk.protocol = attribute(source, "protocol");
        disk.name = attribute(source, "name");
    }
    disk.readonly = !device.child("readonly").empty();
    disk.shareable = !device.child("shareable").empty();
    return disk;
}

Interface read_interface(const pugi::xml_node& device) {
    const auto source = device.child("source");
    return {.mac = attribute(device.child("mac"), "address"),
            .type = attribute(device, "type"),
            .model = attribute(device.child("model"), "type"),
            .network = attribute(source, "network"),
            .bridge = attribute(source, "bridge"),
            .target = attribute(device.child("target"), "dev")};
}

Graphics read_graphics(const pugi::xml_node& device, bool live) {
    const auto listen = device.child("listen");
    Graphics graphics;
    graphics.type = attribute(device, "type");
    graphics.listen = attribute(listen, "type");
    if (graphics.listen.empty()) graphics.listen = device.attribute("listen") ? "address" : "none";
    if (!live || (graphics.listen != "address" && graphics.listen != "network")) return graphics;
    graphics.address = attribute(listen, "address");
    if (graphics.address.empty()) graphics.address = attribute(device, "listen");
    graphics.port = small<std::uint16_t>(attribute(device, "port"));
    if (graphics.port == 0) graphics.port = small<std::uint16_t>(attribute(device, "tlsPort"));
    return graphics;
}

AgentState read_agent(const pugi::xml_node& devices) {
    for (const auto& channel : devices.children("channel")) {
        const auto target = channel.child("target");
        if (attribute(target, "name") != "org.qemu.guest_agent.0") continue;
        return attribute(target, "state") == "connected" ? AgentState::connected : AgentState::disconnected;
    }
    return AgentState::none;
}

void read_devices(const pugi::xml_node& domain, Machine& machine) {
    const auto devices = domain.child("devices");
    std::size_t seen = 0;
    for (const auto& device : devices.children()) {
        if (++seen > most_items) break;
        const std::string_view kind = device.name();
        if (kind == "disk") machine.disks.push_back(read_disk(device));
        if (kind == "interface") machine.interfaces.push_back(read_interface(device));
        if (kind == "graphics") machine.graphics.push_back(read_graphics(device, is_live(domain)));
    }
    machine.agent = read_agent(devices);
}

/// Of a container whose root is a directory of the host.
std::string read_root(const pugi::xml_node& domain) {
    for (const auto& filesystem : domain.child("devices").children("filesystem"))
        if (attribute(filesystem, "type") == "mount" && attribute(filesystem.child("target"), "dir") == "/")
            return attribute(filesystem.child("source"), "dir");
    return "";
}

/// The path of its first process, and its arguments.
std::vector<std::string> read_init(const pugi::xml_node& domain) {
    const auto os = domain.child("os");
    std::vector<std::string> init;
    if (const auto path = text_of(os.child("init")); !path.empty()) init.push_back(path);
    for (const auto& argument : os.children("initarg")) {
        if (init.size() > most_items) break;
        init.push_back(text_of(argument));
    }
    return init;
}

void read_size(const pugi::xml_node& domain, Machine& machine) {
    const auto vcpu = domain.child("vcpu");
    machine.maximum_vcpus = small<std::uint32_t>(text_of(vcpu));
    const auto current = vcpu.attribute("current");
    machine.vcpus = current ? small<std::uint32_t>(current.value()) : machine.maximum_vcpus;
    machine.maximum_memory = bytes_of(domain.child("memory"));
    const auto memory = domain.child("currentMemory");
    machine.memory = memory ? bytes_of(memory) : machine.maximum_memory;
}

}  // namespace

Machine read_domain(std::string_view xml) {
    pugi::xml_document document;
    const auto domain = parse_xml(document, xml, "domain");
    const auto uuid = Uuid::parse(text_of(domain.child("uuid")));
    if (!uuid) throw Error(Code::invalid_xml, "The domain has no valid UUID");

    Machine machine;
    machine.uuid = *uuid;
    machine.name = text_of(domain.child("name"));
    auto verdict = classify(virtualization_facts(domain));
    machine.virtualization = verdict.virtualization;
    machine.evidence = std::move(verdict.evidence);
    machine.kind = machine.virtualization == Virtualization::container ? Kind::container : Kind::vm;
    machine.acceleration = read_acceleration(domain);
    const auto type = domain.child("os").child("type");
    machine.arch = attribute(type, "arch");
    machine.machine_type = attribute(type, "machine");
    machine.firmware = read_firmware(domain);
    read_size(domain, machine);
    read_devices(domain, machine);
    machine.kernel_machine_id = kernel_machine_id(text_of(domain.child("os").child("cmdline"), most_description));
    if (machine.kind == Kind::container) {
        machine.root = read_root(domain);
        machine.init = read_init(domain);
    }
    machine.title = text_of(domain.child("title"));
    machine.description = text_of(domain.child("description"), most_description);
    machine.operating_system = read_operating_system(domain);
    auto metadata = read_metadata(domain);
    machine.tags = std::move(metadata.tags);
    machine.owner = metadata.owner;
    return machine;
}

std::vector<Disk> read_disks(std::string_view xml) {
    pugi::xml_document document;
    Machine machine;
    read_devices(parse_xml(document, xml, "domain"), machine);
    return machine.disks;
}

std::uint64_t definition_digest(std::string_view xml) {
    std::uint64_t digest = 0xcbf29ce484222325;
    for (const char byte : xml) digest = (digest ^ static_cast<unsigned char>(byte)) * 0x100000001b3;
    return digest;
}

}  // namespace virtbus
