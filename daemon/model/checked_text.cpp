// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/checked_text.h"

#include "base/utf8.h"
#include "model/error.h"

#include <fmt/format.h>

namespace virtbus {

void check_text(std::string_view key, std::string_view text, std::size_t most) {
    if (text.size() > most) refuse_value(key, fmt::format("{} bytes are too long, at most {}", text.size(), most));
    if (!is_utf8(text)) refuse_value(key, "not valid UTF-8");
}

void check_line(std::string_view key, std::string_view text, std::size_t most) {
    check_text(key, text, most);
    if (has_control(text)) refuse_value(key, "control characters are not allowed");
}

}  // namespace virtbus
