// SPDX-License-Identifier: LGPL-2.1-or-later
// The definition of a machine → the definition of a copy of it. Pure functions, any thread.
#pragma once

#include "model/machine_copy.h"

#include <string>

namespace virtbus {

/// `xml`, a definition as libvirt gives it with its secrets, made that of the copy.
///
/// The copy's own are its name, UUID, owner, images, MAC addresses and generation id. What the source alone can have on
/// its host goes, and libvirt makes another: the variables of its firmware, the vsock address, tap devices, fixed ports
/// of graphics, and sockets that QEMU listens on. A serial port or console that listens, or that writes into a file,
/// becomes a pseudo-terminal. Nothing in it gives the guest a machine-id: the copy's is on its disk.
///
/// The guest finds the same hardware: PCI addresses, serial numbers and WWNs of disks stay. So do passwords, tags,
/// title, description, what other programs have in the metadata, devices of the host that are passed through, and
/// arguments for QEMU.
///
/// Error invalid_state, naming them, when the two would write to the same storage: each disk must be one of
/// `copy.images`, read-only, shareable, or a drive for media. invalid_args for an image without a disk of its own.
std::string copy_domain_xml(const std::string& xml, const MachineCopy& copy);

}  // namespace virtbus
