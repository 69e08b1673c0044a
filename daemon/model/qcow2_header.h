// SPDX-License-Identifier: LGPL-2.1-or-later
// Looks at the header of a qcow2 image that somebody gave us, before QEMU does: an image can name other files of this
// host, and QEMU would read them into the guest. Pure, any thread. The format is docs/interop/qcow2.txt of QEMU.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace virtbus {

/// How much of the start of a file qcow2_fault() wants to see, if the file has as much.
constexpr std::size_t qcow2_header_room = 65'536;

/// Why the image is refused, for people, as "it …"; nothing: it stands alone and its header is sound.
std::optional<std::string> qcow2_fault(std::span<const std::byte> start_of_file, std::uint64_t file_size);

/// Whether it keeps its data in another file; false where it is too short to tell, or no qcow2 image.
bool qcow2_has_external_data(std::span<const std::byte> start_of_file);

/// Whether it has snapshots inside; false where it is too short to tell.
bool qcow2_has_snapshots(std::span<const std::byte> start_of_file);

}  // namespace virtbus
