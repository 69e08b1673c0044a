// SPDX-License-Identifier: LGPL-2.1-or-later
// The start of an image file that somebody gave us.
#include "fuzz_target.h"

#include "model/qcow2_header.h"

#include <algorithm>

namespace virtbus::fuzz {

void read_anything(std::string_view input) {
    const auto start = std::as_bytes(std::span(input.substr(0, qcow2_header_room)));
    const bool has_data_file = qcow2_has_external_data(start);
    qcow2_has_snapshots(start);
    for (const std::uint64_t size : {std::uint64_t{input.size()}, std::uint64_t{1} << 20, ~std::uint64_t{0}})
        if (!qcow2_fault(start, size)) {
            require(!has_data_file, "an image whose data is in another file is refused");
            // Its offset in the header: docs/interop/qcow2.txt.
            require(std::all_of(start.begin() + 8, start.begin() + 16, [](std::byte b) { return b == std::byte{0}; }),
                    "an image with a backing file is refused");
        }
}

}  // namespace virtbus::fuzz
