// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/error.h"

#include <fmt/format.h>

namespace virtbus {

void refuse_value(std::string_view key, std::string_view why) {
    throw Error(Code::invalid_args, fmt::format("{}: {}", key, why));
}

}  // namespace virtbus
