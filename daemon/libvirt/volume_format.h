// SPDX-License-Identifier: LGPL-2.1-or-later
// The format of a storage volume, for disks that name a volume and no format: libvirt would take such a disk for raw,
// and the guest would overwrite the image's own structure. Any thread.
#pragma once

#include <libvirt/libvirt.h>

#include <string>
#include <string_view>

namespace virtbus {

/// What a disk on this volume must say: qcow2, raw, …. Error invalid_args if there is no such pool or volume.
std::string volume_format(virConnectPtr connection, const std::string& pool, const std::string& volume);

/// The same from the volume's XML.
std::string read_volume_format(std::string_view xml);

}  // namespace virtbus
