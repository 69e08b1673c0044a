// SPDX-License-Identifier: LGPL-2.1-or-later
// What a copy of a machine is to be: a plain value, any thread.
#pragma once

#include "base/uuid.h"
#include "model/machine.h"

#include <cstdint>
#include <string>
#include <vector>

namespace virtbus {

/// What a copy of a machine has of its own.
struct MachineCopy {
    /// The disk `target` (vda) stands on that file.
    struct Image {
        std::string target;
        std::string path;
        std::string format;
    };

    std::string name;
    Uuid uuid;
    std::vector<Image> images;
    std::uint32_t owner = no_owner;
};

}  // namespace virtbus
