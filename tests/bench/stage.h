// SPDX-License-Identifier: LGPL-2.1-or-later
// What is compared, side by side on one libvirtd: virtbusd, libvirt-dbus, and libvirt called directly. A sandbox's
// session bus and directories are its surroundings.
#pragma once

#include "bus.h"
#include "processes.h"
#include "report.h"

#include <libvirt/libvirt.h>

#include <memory>
#include <optional>
#include <string>
#include <thread>

namespace virtbus::bench {

struct Close {
    void operator()(virConnectPtr connection) const { virConnectClose(connection); }
    void operator()(virDomainPtr domain) const { virDomainFree(domain); }
};
using Connection = std::unique_ptr<virConnect, Close>;
using Domain = std::unique_ptr<virDomain, Close>;

/// Has to be there before the first connection, if events are wanted.
void run_libvirt_events();

/// The XML of the machine of that number, as people have them: with a disk, a network interface, a console and a
/// screen. A bare one has none of them, and starts anywhere.
std::string machine_xml(const std::string& type, int number, bool bare = false);
std::string machine_name(int number);

/// The process of the QEMU machine of that name, which runs.
pid_t qemu_process(const std::string& name);

/// libvirt's session daemon. Its first `bare_machines` QEMU machines can be started, and are off.
class Libvirtd {
public:
    static constexpr int bare_machines = 16;

    explicit Libvirtd(int qemu_machines);

    [[nodiscard]] Connection connect(const std::string& driver = "qemu", const std::string& path = "/session") const;
    [[nodiscard]] static std::string uri(const std::string& driver, const std::string& path);
    [[nodiscard]] pid_t pid() const { return process_.pid(); }

private:
    static void configure(int qemu_machines);

    Process process_;
};

/// With one hypervisor, "bench".
class Virtbusd {
public:
    /// Returns when it shows so many machines.
    Virtbusd(const std::string& uri, int machines);

    [[nodiscard]] pid_t pid() const { return process_->pid(); }
    /// How long it took until it was ready, and until all machines were there.
    [[nodiscard]] double ready_after() const { return ready_after_; }
    [[nodiscard]] double listed_after() const { return listed_after_; }

private:
    std::optional<Process> process_;
    double ready_after_ = 0;
    double listed_after_ = 0;
};

class LibvirtDbus {
public:
    explicit LibvirtDbus(Bus& bus);

private:
    Process process_;
};

/// One machine, for each of them.
Object virtbus_machine(Bus& bus, const std::string& name);
Object libvirt_dbus_machine(Bus& bus, const std::string& name);
Domain direct_machine(virConnectPtr connection, const std::string& name);

}  // namespace virtbus::bench
