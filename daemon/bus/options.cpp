// SPDX-License-Identifier: LGPL-2.1-or-later
#include "bus/options.h"

#include "base/utf8.h"

namespace virtbus::bus {

void Options::refuse_unknown() const {
    if (values_.empty()) return;
    const auto& key = values_.begin()->first;
    const auto known =
        known_.empty() ? std::string("there are none") : fmt::format("known are {}", fmt::join(known_, ", "));
    throw Error(Code::invalid_args, fmt::format("{}{}: unknown key; {}", prefix_, to_utf8(key.substr(0, 100)), known));
}

void Options::refuse_type(const std::string& key, const std::string& wanted, const std::string& given) const {
    throw Error(Code::invalid_args, fmt::format("{}{}: must be of D-Bus type {}, not {}", prefix_, key, wanted, given));
}

}  // namespace virtbus::bus
