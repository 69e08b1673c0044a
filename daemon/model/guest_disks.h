// SPDX-License-Identifier: LGPL-2.1-or-later
// Where the system of a machine that is off can be reached, and whether it may be: each function throws an Error that
// names the machine, whoever stands in the way, and the way out. Main thread only.
#pragma once

#include "model/guest_tool.h"
#include "model/hypervisor.h"
#include "model/object_ref.h"

#include <cstdint>
#include <string_view>
#include <vector>

namespace virtbus {

/// A disk that the machine writes to, and the image that it is; nullptr where it is none of a pool.
struct GuestDisk {
    Disk disk;
    ImagePtr image;
    ImageFile file;
};

/// invalid_state while the machine runs, or has saved memory, which remembers its disks as they are.
void require_at_rest(const Machine& machine, std::string_view verb);

/// unsupported_guest when its definition gives its guest a machine-id at each boot: none on its disk would last.
void refuse_kernel_machine_id(const Machine& machine);

/// Those of its disks that hold what is its own: no CD or floppy, none that is read-only. unsupported_guest for one
/// that is no file or device of this host.
std::vector<GuestDisk> own_disks(Hypervisor& hypervisor, const Machine& machine);

/// The system on these disks, or below the container's root. unsupported_guest when it has neither.
GuestSystem system_of(Hypervisor& hypervisor, const Machine& machine);

/// in_use when others may read or write one of its disks: it is shareable, or another machine has it, or images are
/// based on it.
void require_alone(Hypervisor& hypervisor, const Machine& machine, std::string_view verb);

/// Whether somebody has written to the machine's own disks, or to what they are based on, or put other files in the
/// place of the disks, after `time`, as their files say. Unknown for a container, and for what is no file of a pool, or
/// is in a pool that is not watched, or is not listed yet.
enum class Written { no, yes, unknown };
Written written_since(Hypervisor& hypervisor, const Machine& machine, std::uint64_t time);

/// The objects that work on them has to claim.
std::vector<ObjectRef> disk_claims(const Hypervisor& hypervisor, const Machine& machine,
                                   const std::vector<GuestDisk>& disks);

}  // namespace virtbus
