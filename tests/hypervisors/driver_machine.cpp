// SPDX-License-Identifier: LGPL-2.1-or-later
#include "driver_machine.h"

#include <fmt/format.h>

#include <stdexcept>

namespace virtbus::test {

namespace {

/// The small guest, which tests put where machines may boot from. `os` is the type, `console` the device's element.
std::string guest_xml(const std::string& type, const std::string& name, const std::string& os,
                      const std::string& console, const std::string& terminal) {
    const std::string directory = "/var/lib/libvirt/boot";
    return fmt::format(R"(<domain type='{}'>
  <name>{}</name>
  <memory unit='MiB'>192</memory>
  <vcpu current='1'>2</vcpu>
  <os>
    {}
    <kernel>{}/vmlinuz</kernel>
    <initrd>{}/initrd.img</initrd>
    <cmdline>console={} quiet loglevel=3 no_timer_check</cmdline>
  </os>
  <features><acpi/></features>
  <on_reboot>restart</on_reboot>
  <devices><{} type='pty'/></devices>
</domain>)",
                       type, name, os, directory, directory, terminal, console);
}

/// A process of the host's own files that sleeps.
std::string container_xml(const std::string& name) {
    return fmt::format(R"(<domain type='lxc'>
  <name>{}</name>
  <memory unit='MiB'>64</memory>
  <os><type>exe</type><init>/bin/sleep</init><initarg>3600</initarg></os>
  <devices>
    <filesystem type='mount'><source dir='/'/><target dir='/'/></filesystem>
    <console type='pty'/>
  </devices>
</domain>)",
                       name);
}

std::string test_xml(const std::string& name) {
    return fmt::format(
        "<domain type='test'><name>{}</name><memory unit='MiB'>8</memory><vcpu>2</vcpu>"
        "<os><type>hvm</type></os></domain>",
        name);
}

}  // namespace

std::string machine_xml(proxies::Hypervisor& hypervisor, const std::string& name) {
    const auto driver = hypervisor.Driver();
    if (driver == "lxc") return container_xml(name);
    if (driver == "test") return test_xml(name);
    if (driver == "xen")
        return guest_xml("xen", name, "<type arch='x86_64' machine='xenpv'>xen</type>", "console", "hvc0");
    if (driver != "qemu") throw std::runtime_error("nobody knows a machine for the driver " + driver);
    const auto type = hypervisor.Accelerations().front() == "kvm" ? "kvm" : "qemu";
    return guest_xml(type, name, "<type arch='x86_64' machine='pc'>hvm</type>", "serial", "ttyS0");
}

}  // namespace virtbus::test
