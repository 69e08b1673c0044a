// SPDX-License-Identifier: LGPL-2.1-or-later
#include "bus/machine_id_options.h"

#include "model/error.h"

#include <fmt/format.h>

namespace virtbus::bus {

MachineId read_machine_id(std::string_view key, const std::string& text) {
    const auto id = MachineId::parse(text);
    if (!id)
        throw Error(
            Code::invalid_args,
            fmt::format("{}: must be 32 hexadecimal digits, with the dashes of a UUID or without, and not zeros", key));
    return *id;
}

}  // namespace virtbus::bus
