// SPDX-License-Identifier: LGPL-2.1-or-later
// The content of volumes, between libvirt and a caller's descriptor: a regular file, a pipe or a socket. Holes stay
// holes wherever both sides can have them. These block, for as long as it takes; a descriptor is never waited for
// without hearing of a cancellation. Worker threads.
#pragma once

#include "base/unique_fd.h"
#include "libvirt/handle.h"
#include "model/transfer.h"

#include <cstdint>
#include <string>

namespace virtbus {

/// Writes what `source` gives, to its end, into an empty volume; how many bytes. Error unsafe_image, before anything is
/// written, for a `format` of qcow2 with a header that no image may have; timeout when nothing comes for long.
std::uint64_t write_volume(virStorageVolPtr volume, const std::string& format, const UniqueFd& source,
                           Transfer& transfer, std::string* sha256);

/// Writes a volume's file, as it is, to `target`; how many bytes. Error timeout when nobody takes them for long.
std::uint64_t read_volume(virStorageVolPtr volume, const UniqueFd& target, Transfer& transfer);

}  // namespace virtbus
