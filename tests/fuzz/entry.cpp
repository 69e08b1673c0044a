// SPDX-License-Identifier: LGPL-2.1-or-later
// Where libFuzzer comes in.
#include "fuzz_target.h"

#include <cstddef>
#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    virtbus::fuzz::read_anything({reinterpret_cast<const char*>(data), size});
    return 0;
}
