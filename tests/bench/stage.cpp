// SPDX-License-Identifier: LGPL-2.1-or-later
#include "stage.h"

#include <libvirt/virterror.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace virtbus::bench {

namespace {

namespace fs = std::filesystem;

fs::path directory(const char* variable) { return std::getenv(variable); }

constexpr const char* devices = R"(<disk type='file' device='disk'><driver name='qemu' type='qcow2'/>
<source file='/var/lib/libvirt/images/{0}.qcow2'/><target dev='vda' bus='virtio'/></disk>
<disk type='file' device='cdrom'><target dev='sda' bus='sata'/><readonly/></disk>
<controller type='sata' index='0'/>
<interface type='user'><mac address='52:54:00:00:{1:02x}:{2:02x}'/><model type='virtio'/></interface>
<serial type='pty'/><graphics type='vnc' autoport='yes' listen='127.0.0.1'/>)";

/// The first call waits for the first listing, but not for long.
int listed_machines(Bus& bus) {
    const auto reply = bus.call_plain(virtbus_root, "org.virtbus1.Manager", "ListMachines");
    check(sd_bus_message_enter_container(reply.get(), 'a', "(ossssssut)"), "ListMachines");
    int count = 0;
    while (sd_bus_message_at_end(reply.get(), 0) == 0) {
        check(sd_bus_message_skip(reply.get(), "(ossssssut)"), "ListMachines");
        ++count;
    }
    return count;
}

}  // namespace

void run_libvirt_events() {
    virSetErrorFunc(nullptr, [](void*, virErrorPtr) {});
    virEventRegisterDefaultImpl();
    std::thread([] {
        while (virEventRunDefaultImpl() == 0) {
        }
    }).detach();
}

std::string machine_name(int number) { return fmt::format("machine-{:05}", number); }

std::string machine_xml(const std::string& type, int number, bool bare) {
    const auto name = machine_name(number);
    const auto machine = type == "qemu" ? " arch='x86_64' machine='pc'" : "";
    return fmt::format(
        "<domain type='{}'><name>{}</name><uuid>00000000-0000-4000-8000-{:012x}</uuid>"
        "<title>The machine of number {}</title><memory unit='MiB'>64</memory><vcpu>1</vcpu>"
        "<os><type{}>hvm</type></os><devices>{}{}</devices></domain>",
        type, name, number + 1, number, machine,
        type == "qemu" ? "<emulator>/usr/bin/qemu-system-x86_64</emulator>" : "",
        bare ? "" : fmt::format(devices, name, number / 256, number % 256));
}

pid_t qemu_process(const std::string& name) {
    pid_t pid = 0;
    std::ifstream(directory("XDG_RUNTIME_DIR") / "libvirt/qemu/run" / (name + ".pid")) >> pid;
    if (pid <= 0) throw std::runtime_error("there is no process of " + name);
    return pid;
}

void Libvirtd::configure(int qemu_machines) {
    const auto configuration = directory("XDG_CONFIG_HOME") / "libvirt";
    fs::create_directories(configuration / "qemu");
    for (int i = 0; i < qemu_machines; ++i)
        std::ofstream(configuration / "qemu" / (machine_name(i) + ".xml")) << machine_xml("qemu", i, i < bare_machines);
    // Its keepalive messages would be taken for wake-ups of virtbusd's own.
    std::ofstream(configuration / "libvirtd.conf") << "keepalive_interval = -1\nlog_outputs = \"4:file:/dev/null\"\n";
}

Libvirtd::Libvirtd(int qemu_machines) : process_((configure(qemu_machines), std::vector<std::string>{"libvirtd"})) {
    const auto first = connect();
    if (virConnectNumOfDefinedDomains(first.get()) != qemu_machines)
        throw std::runtime_error("libvirtd has not taken all machines");
}

std::string Libvirtd::uri(const std::string& driver, const std::string& path) {
    return fmt::format("{}+unix://{}?socket={}", driver, path,
                       (directory("XDG_RUNTIME_DIR") / "libvirt/libvirt-sock").string());
}

Connection Libvirtd::connect(const std::string& driver, const std::string& path) const {
    for (int i = 0; i < 600; ++i, std::this_thread::sleep_for(std::chrono::milliseconds(100)))
        if (Connection connection(virConnectOpen(uri(driver, path).c_str())); connection) return connection;
    throw std::runtime_error("libvirtd does not answer");
}

Virtbusd::Virtbusd(const std::string& uri, int machines) {
    const auto configuration = directory("XDG_CONFIG_HOME") / "virtbus.json";
    std::ofstream(configuration) << R"({"keepalive": {"interval": 3600}, "hypervisors": {"bench": ")" << uri
                                 << R"("}})";
    const auto program = directory("VIRTBUS_BUILD") / "daemon/virtbusd";
    Bus bus;
    const ReadySocket ready;
    const auto start = Clock::now();
    process_.emplace(std::vector<std::string>{program, "--user", "--config", configuration},
                     std::map<std::string, std::string>{{"NOTIFY_SOCKET", ready.path()}});
    ready.wait();
    ready_after_ = since(start);
    while (listed_machines(bus) < machines) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    listed_after_ = since(start);
}

LibvirtDbus::LibvirtDbus(Bus& bus) : process_({"/usr/sbin/libvirt-dbus", "--session"}) {
    if (!bus.wait_for_name(libvirt_dbus_root.service)) throw std::runtime_error("libvirt-dbus does not start");
    bus.call(libvirt_dbus_root, "org.libvirt.Connect", "ListDomains", "u", 0U);  // lets it connect
}

Object virtbus_machine(Bus& bus, const std::string& name) {
    const auto reply = bus.call(virtbus_root, "org.virtbus1.Manager", "GetMachine", "sa{sv}", name.c_str(), 0);
    const char* path = nullptr;
    check(sd_bus_message_read(reply.get(), "o", &path), "GetMachine");
    return {virtbus_root.service, path};
}

Object libvirt_dbus_machine(Bus& bus, const std::string& name) {
    const auto reply = bus.call(libvirt_dbus_root, "org.libvirt.Connect", "DomainLookupByName", "s", name.c_str());
    const char* path = nullptr;
    check(sd_bus_message_read(reply.get(), "o", &path), "DomainLookupByName");
    return {libvirt_dbus_root.service, path};
}

Domain direct_machine(virConnectPtr connection, const std::string& name) {
    Domain domain(virDomainLookupByName(connection, name.c_str()));
    if (!domain) throw std::runtime_error("there is no machine " + name);
    return domain;
}

}  // namespace virtbus::bench
