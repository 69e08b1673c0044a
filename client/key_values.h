// SPDX-License-Identifier: LGPL-2.1-or-later
// "key=value,key=value", as the options --disk and --interface take it.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace virtbusctl {

using KeyValue = std::pair<std::string, std::string>;

/// At the first "=": a value may hold others. Throws UsageError when there is none or the key is empty.
[[nodiscard]] KeyValue parse_key_value(std::string_view text);

/// Separated by commas; a comma that belongs to a value is doubled, as QEMU has it. "-" in a key is taken for "_".
/// A key without "=" means yes. Throws UsageError on an empty or repeated key.
[[nodiscard]] std::vector<KeyValue> parse_key_values(std::string_view text);

/// A list separated by commas; empty words are dropped.
[[nodiscard]] std::vector<std::string> parse_words(std::string_view text);

}  // namespace virtbusctl
