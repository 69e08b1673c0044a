// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libvirt/domain_writer.h"

#include "libvirt/metadata.h"
#include "libvirt/xml.h"
#include "model/error.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace virtbus {

namespace {

/// What the machine will be to libvirt.
struct Target {
    std::string domain_type;
    std::string os_type;
    std::string arch;
    std::string firmware;  ///< as in <os firmware='…'>; "" leaves it to libvirt

    [[nodiscard]] bool is_qemu() const { return domain_type == "kvm" || domain_type == "qemu"; }
    [[nodiscard]] bool is_xen() const { return domain_type == "xen"; }
    [[nodiscard]] bool is_hvm() const { return os_type == "hvm"; }
    [[nodiscard]] bool is_container() const { return os_type == "exe"; }
    [[nodiscard]] bool is_x86() const { return arch == "x86_64" || arch == "i686"; }
};

void set(pugi::xml_node node, const char* attribute, const std::string& value) {
    node.append_attribute(attribute) = value.c_str();
}

pugi::xml_node add(pugi::xml_node parent, const char* name) { return parent.append_child(name); }

void add(pugi::xml_node parent, const char* name, const std::string& text) {
    if (!text.empty()) parent.append_child(name).text() = text.c_str();
}

const GuestCapability& choose_guest(const Capabilities& capabilities, const std::string& arch) {
    for (const std::string_view os_type : {"hvm", "xen"})
        for (const auto& guest : capabilities.guests)
            if (guest.arch == arch && guest.os_type == os_type && !guest.domain_types.empty()) return guest;
    throw Error(Code::not_supported, fmt::format("arch: this hypervisor has no virtual machines of {}", arch));
}

std::string choose_domain_type(const GuestCapability& guest, const std::string& acceleration) {
    if (acceleration == "auto") return guest.offers("kvm") ? "kvm" : guest.domain_types.front();
    std::string type = acceleration == "tcg" ? "qemu" : acceleration;
    if (guest.offers(type)) return type;
    throw Error(Code::not_supported, fmt::format("acceleration: this hypervisor has no {} for {} guests; its "
                                                 "Accelerations tell what it has",
                                                 acceleration, guest.arch));
}

/// As CreateMachine documents it: bios, which libvirt uses by itself, on x86, and efi where the architecture has it.
std::string choose_firmware(const MachineSpec& spec, const std::string& arch) {
    if (!spec.firmware.empty()) return spec.firmware == "efi" ? "efi" : "";
    return arch == "aarch64" || arch == "armv7l" || arch == "riscv64" || arch == "loongarch64" ? "efi" : "";
}

/// A container, which has no emulated hardware: only a root, a console, and perhaps network interfaces.
Target choose_container(const MachineSpec& spec, const Capabilities& capabilities) {
    const auto& arch = spec.arch.empty() ? capabilities.arch : spec.arch;
    for (const auto& guest : capabilities.guests)
        if (guest.arch == arch && guest.os_type == "exe" && !guest.domain_types.empty())
            return {guest.domain_types.front(), guest.os_type, arch, ""};
    throw Error(Code::not_supported, fmt::format("arch: this hypervisor has no containers of {}", arch));
}

Target choose_target(const MachineSpec& spec, const Capabilities& capabilities) {
    if (!spec.root.empty()) return choose_container(spec, capabilities);
    const auto& arch = spec.arch.empty() ? capabilities.arch : spec.arch;
    const auto& guest = choose_guest(capabilities, arch);
    Target target{choose_domain_type(guest, spec.acceleration), guest.os_type, arch, ""};
    if (target.is_hvm()) target.firmware = choose_firmware(spec, arch);
    return target;
}

void write_os(pugi::xml_node domain, const MachineSpec& spec, const Target& target) {
    auto os = add(domain, "os");
    if (!target.firmware.empty()) set(os, "firmware", target.firmware);
    auto type = add(os, "type");
    set(type, "arch", target.arch);
    if (!spec.machine_type.empty())
        set(type, "machine", spec.machine_type);
    else if (target.is_qemu() && target.is_x86())
        set(type, "machine", "q35");
    type.text() = target.os_type.c_str();
    add(os, "kernel", spec.kernel);
    add(os, "initrd", spec.initrd);
    add(os, "cmdline", spec.cmdline);
    if (!target.is_hvm() || !spec.kernel.empty()) return;
    // A new disk is empty, and the machine goes on to the medium to install from.
    set(add(os, "boot"), "dev", "hd");
    const auto is_cdrom = [](const DiskSpec& disk) { return disk.device == "cdrom"; };
    if (std::any_of(spec.disks.begin(), spec.disks.end(), is_cdrom)) set(add(os, "boot"), "dev", "cdrom");
}

void write_platform(pugi::xml_node domain, const Target& target) {
    if (target.is_x86() && target.is_hvm()) {
        auto features = add(domain, "features");
        add(features, "acpi");
        add(features, "apic");
    } else if (target.firmware == "efi") {
        add(add(domain, "features"), "acpi");
    }
    // As virt-install: with KVM the host's own CPU, else what the emulator takes by itself.
    if (target.domain_type == "kvm" && (target.is_x86() || target.arch == "aarch64"))
        set(add(domain, "cpu"), "mode", "host-passthrough");
    auto clock = add(domain, "clock");
    set(clock, "offset", "utc");
    if (!target.is_qemu() || !target.is_x86()) return;
    auto rtc = add(clock, "timer");
    set(rtc, "name", "rtc");
    set(rtc, "tickpolicy", "catchup");
    auto pit = add(clock, "timer");
    set(pit, "name", "pit");
    set(pit, "tickpolicy", "delay");
    auto hpet = add(clock, "timer");
    set(hpet, "name", "hpet");
    set(hpet, "present", "no");
}

/// Gives each disk the guest's name for it: vda, vdb, …, vdaa.
class TargetNames {
public:
    std::string next(const std::string& bus) {
        const std::string prefix = bus == "virtio" ? "vd" : bus == "ide" ? "hd" : bus == "xen" ? "xvd" : "sd";
        std::string letters;
        for (unsigned n = ++used_[prefix]; n > 0; n = (n - 1) / 26)
            letters.insert(letters.begin(), static_cast<char>('a' + (n - 1) % 26));
        return prefix + letters;
    }

private:
    std::map<std::string, unsigned> used_;
};

std::string choose_bus(const DiskSpec& disk, const Target& target) {
    const bool cdrom = disk.device == "cdrom";
    if (target.is_xen()) return cdrom && target.is_hvm() ? "ide" : "xen";
    if (!disk.bus.empty()) return disk.bus;
    return cdrom ? "sata" : "virtio";
}

void write_disk(pugi::xml_node devices, const DiskSpec& spec, const Target& target, TargetNames& names) {
    auto disk = add(devices, "disk");
    const bool from_pool = !spec.pool.empty();
    set(disk, "type", from_pool ? "volume" : "file");
    set(disk, "device", spec.device);
    // Without a format libvirt takes raw: only an empty drive comes without one.
    if (target.is_qemu()) set(add(disk, "driver"), "name", "qemu");
    if (!spec.format.empty())
        set(disk.child("driver") ? disk.child("driver") : add(disk, "driver"), "type", spec.format);
    if (from_pool) {
        auto source = add(disk, "source");
        set(source, "pool", spec.pool);
        set(source, "volume", spec.volume);
    } else if (!spec.file.empty()) {
        set(add(disk, "source"), "file", spec.file);
    }
    const auto bus = choose_bus(spec, target);
    auto guest_side = add(disk, "target");
    set(guest_side, "dev", names.next(bus));
    set(guest_side, "bus", bus);
    if (spec.readonly.value_or(spec.device == "cdrom")) add(disk, "readonly");
}

void write_disks(pugi::xml_node devices, const MachineSpec& spec, const Target& target) {
    TargetNames names;
    bool scsi = false;
    for (const auto& disk : spec.disks) {
        write_disk(devices, disk, target, names);
        scsi = scsi || choose_bus(disk, target) == "scsi";
    }
    if (!scsi) return;
    auto controller = add(devices, "controller");
    set(controller, "type", "scsi");
    set(controller, "model", "virtio-scsi");
}

void write_interface(pugi::xml_node devices, const InterfaceSpec& spec, const Target& target) {
    auto interface = add(devices, "interface");
    set(interface, "type", spec.type);
    if (!spec.mac.empty()) set(add(interface, "mac"), "address", spec.mac);
    if (spec.type == "network") set(add(interface, "source"), "network", spec.network);
    if (spec.type == "bridge") set(add(interface, "source"), "bridge", spec.bridge);
    if (target.is_container()) return;  // one end of a pair of devices, of no model
    // Xen's own network device is what its guests get without a model.
    if (!target.is_xen() || spec.model != "virtio") set(add(interface, "model"), "type", spec.model);
}

void write_interfaces(pugi::xml_node devices, const MachineSpec& spec, const Target& target, bool session) {
    InterfaceSpec usual;
    usual.type = session ? "user" : "network";
    if (!session) usual.network = "default";
    for (const auto& interface : spec.interfaces.value_or(std::vector{usual}))
        write_interface(devices, interface, target);
}

void write_graphics(pugi::xml_node devices, const std::string& type, const Target& target) {
    if (type == "none") return;
    auto graphics = add(devices, "graphics");
    set(graphics, "type", type);
    set(add(graphics, "listen"), "type", "none");
    if (!target.is_qemu()) return;
    set(add(add(devices, "video"), "model"), "type", "virtio");
    // A tablet, unlike a mouse, points where the viewer's pointer is.
    auto tablet = add(devices, "input");
    set(tablet, "type", "tablet");
    set(tablet, "bus", "virtio");
}

void write_virtio_extras(pugi::xml_node devices, const MachineSpec& spec) {
    if (spec.guest_agent) {
        auto channel = add(devices, "channel");
        set(channel, "type", "unix");
        auto target = add(channel, "target");
        set(target, "type", "virtio");
        set(target, "name", "org.qemu.guest_agent.0");
    }
    if (spec.rng) {
        auto rng = add(devices, "rng");
        set(rng, "model", "virtio");
        auto backend = add(rng, "backend");
        set(backend, "model", "random");
        backend.text() = "/dev/urandom";
    }
    set(add(devices, "memballoon"), "model", "virtio");
}

void write_devices(pugi::xml_node domain, const MachineSpec& spec, const Target& target, bool session) {
    auto devices = add(domain, "devices");
    write_disks(devices, spec, target);
    write_interfaces(devices, spec, target, session);
    // Where the console is not a serial port libvirt knows what it is.
    if (spec.serial) set(add(devices, target.is_hvm() && target.arch != "s390x" ? "serial" : "console"), "type", "pty");
    write_graphics(devices, spec.graphics, target);
    if (!target.is_xen()) write_virtio_extras(devices, spec);
}

/// libvirt knows no number of CPUs for containers: their time is limited to that of as many.
void write_cpu_time(pugi::xml_node domain, std::uint32_t vcpus) {
    constexpr std::uint64_t period_usec = 100'000;
    auto tune = add(domain, "cputune");
    add(tune, "period", std::to_string(period_usec));
    add(tune, "quota", std::to_string(period_usec * vcpus));
}

void write_container(pugi::xml_node domain, const MachineSpec& spec, const Target& target) {
    write_cpu_time(domain, spec.vcpus);
    auto os = add(domain, "os");
    auto type = add(os, "type");
    set(type, "arch", target.arch);
    type.text() = target.os_type.c_str();
    add(os, "init", spec.init.empty() ? "/sbin/init" : spec.init.front());
    for (std::size_t i = 1; i < spec.init.size(); ++i) add(os, "initarg").text() = spec.init[i].c_str();
    // Without an interface it would have the host's network.
    add(add(domain, "features"), "privnet");
    set(add(domain, "clock"), "offset", "utc");
    add(domain, "on_poweroff", "destroy");
    add(domain, "on_reboot", "restart");
    add(domain, "on_crash", "destroy");
    auto devices = add(domain, "devices");
    auto root = add(devices, "filesystem");
    set(root, "type", "mount");
    set(add(root, "source"), "dir", spec.root);
    set(add(root, "target"), "dir", "/");
    for (const auto& interface : spec.interfaces.value_or(std::vector<InterfaceSpec>()))
        write_interface(devices, interface, target);
    set(add(devices, "console"), "type", "pty");
}

}  // namespace

std::string write_domain(const MachineSpec& spec, const Uuid& uuid, const Host& host) {
    const Target target = choose_target(spec, host.capabilities);
    pugi::xml_document document;
    auto domain = add(document, "domain");
    set(domain, "type", target.domain_type);
    add(domain, "name", spec.name);
    add(domain, "uuid", uuid.text());
    add(domain, "title", spec.title);
    add(domain, "description", spec.description);
    write_metadata(domain, {spec.tags, spec.owner});

    auto memory = add(domain, "memory");
    set(memory, "unit", "KiB");
    memory.text() = static_cast<unsigned long long>(spec.memory / 1024 + (spec.memory % 1024 != 0 ? 1 : 0));
    auto vcpu = add(domain, "vcpu");
    const auto maximum = std::max(spec.vcpus, spec.maximum_vcpus);
    if (maximum != spec.vcpus) vcpu.append_attribute("current") = spec.vcpus;
    vcpu.text() = maximum;

    if (target.is_container()) {
        write_container(domain, spec, target);
        return to_text(domain);
    }
    write_os(domain, spec, target);
    write_platform(domain, target);
    add(domain, "on_poweroff", "destroy");
    add(domain, "on_reboot", "restart");
    add(domain, "on_crash", "destroy");
    write_devices(domain, spec, target, host.session);
    return to_text(domain);
}

}  // namespace virtbus
