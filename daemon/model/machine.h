// SPDX-License-Identifier: LGPL-2.1-or-later
// A machine as the mirror holds it: a plain value, read from libvirt as a whole and compared as a whole.
// The words are those of org.virtbus1.Machine.xml; sizes are bytes, times microseconds since 1970.
#pragma once

#include "base/uuid.h"
#include "model/address.h"
#include "model/kernel_command_line.h"

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace virtbus {

enum class Kind { vm, container };
enum class Virtualization { unknown, full, hybrid, para, container };
enum class Acceleration { kvm, xen, tcg, native };
enum class MachineState { unknown, running, blocked, paused, shutting_down, shut_off, crashed, suspended };
enum class AgentState { none, disconnected, connected };

std::string_view to_string(Kind kind);
std::string_view to_string(Virtualization virtualization);
std::string_view to_string(Acceleration acceleration);
std::string_view to_string(MachineState state);
std::string_view to_string(AgentState agent);

/// Whether a machine in `state` has a guest in it: running, or stopped in a way that it can go on from.
bool is_active(MachineState state);

struct Disk {
    std::string target;  ///< the guest's name for it, such as vda
    std::string bus;     ///< virtio, scsi, sata, ide, usb, xen, …
    std::string device;  ///< disk, cdrom, floppy, lun
    std::string format;  ///< qcow2, raw, …
    std::string file;    ///< what it stands on: one of file, block, dir, pool + volume, protocol + name;
    std::string block;   ///< the others are empty
    std::string dir;
    std::string pool;
    std::string volume;
    std::string protocol;
    std::string name;
    bool readonly = false;
    bool shareable = false;

    bool operator==(const Disk&) const = default;
};

/// What a disk stands on, as far as it can be an image of a pool: a file or device, or a volume of a pool.
struct DiskSource {
    std::string path;
    std::string pool;
    std::string volume;

    auto operator<=>(const DiskSource&) const = default;
};

DiskSource source_of(const Disk& disk);

struct Interface {
    std::string mac;
    std::string type;   ///< user, network, bridge, direct, …
    std::string model;  ///< virtio, e1000e, …
    std::string network;
    std::string bridge;
    std::string target;  ///< the host's device for it while the machine runs, such as vnet0

    bool operator==(const Interface&) const = default;
};

struct Graphics {
    std::string type;     ///< vnc, spice, sdl, …
    std::string listen;   ///< none, socket, address, network
    std::string address;  ///< where it listens now, for listen = address or network
    std::uint16_t port = 0;

    bool operator==(const Graphics&) const = default;
};

constexpr std::uint32_t no_owner = UINT32_MAX;

struct Machine {
    Uuid uuid;
    std::string name;
    Kind kind = Kind::vm;
    Virtualization virtualization = Virtualization::unknown;
    std::vector<std::string> evidence;  ///< what in the definition says so
    Acceleration acceleration = Acceleration::native;
    MachineState state = MachineState::unknown;
    std::string state_reason = "unknown";
    bool persistent = true;
    bool autostart = false;
    bool saved = false;
    std::string arch;
    std::string machine_type;
    std::string firmware;
    std::uint32_t vcpus = 0;
    std::uint32_t maximum_vcpus = 0;
    std::uint64_t memory = 0;
    std::uint64_t maximum_memory = 0;
    std::vector<Disk> disks;
    std::vector<Disk> next_disks;  ///< of its definition, where it runs with others
    std::vector<Interface> interfaces;
    std::vector<Graphics> graphics;
    AgentState agent = AgentState::none;
    std::string operating_system;
    std::string title;
    std::string description;
    std::vector<std::string> tags;  ///< sorted, without doubles
    std::uint32_t owner = no_owner;

    /// What its definition gives the guest's kernel, `systemd.machine_id=`.
    KernelMachineId kernel_machine_id;
    /// The directory of the host that is a container's root; "" where there is none.
    std::string root;
    /// A container's first process: its path and its arguments.
    std::vector<std::string> init;

    /// The kind of job that libvirt runs on it now, whoever began it, in the words of Job.Kind; "" for none.
    std::string libvirt_job;

    /// A digest of the definition's XML: equal exactly when nobody has changed the definition.
    std::uint64_t definition = 0;

    // What the port cannot know: the inventory and the jobs fill these in.
    std::uint64_t state_since = 0;
    std::uint64_t generation = 0;
    std::uint64_t current_job = 0;      ///< number of the job, 0 = none
    std::vector<Address> addresses;     ///< as they were asked for last; none while it is off
    std::uint64_t addresses_found = 0;  ///< when that was; 0 = never since it runs

    bool operator==(const Machine&) const = default;
};

/// Replaces whatever in its text is not UTF-8: one such string, and nobody on the bus gets any machine.
void clean_text(Machine& machine);

/// All machines of a hypervisor.
struct MachineListing {
    std::vector<Machine> machines;
    std::vector<Uuid> unread;  ///< what could not be read, and is there all the same
};

/// libvirt's lifecycle events and reboots, in the words of Manager.Lifecycle.
struct LifecycleEvent {
    std::string event;
    std::string detail;

    bool operator==(const LifecycleEvent&) const = default;
};

}  // namespace virtbus
