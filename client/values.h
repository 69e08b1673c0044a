// SPDX-License-Identifier: LGPL-2.1-or-later
// D-Bus values as JSON, which the rest of the client works on: for machines it is the output, for people it is
// turned into text. Nothing here needs a bus.
#pragma once

#include <sdbus-c++/Types.h>

#include <map>
#include <nlohmann/json.hpp>
#include <string>

namespace virtbusctl {

using Json = nlohmann::ordered_json;
/// a{sv}: the properties of an object, the options of a call.
using Dictionary = std::map<std::string, sdbus::Variant>;

[[nodiscard]] Json to_json(const sdbus::Variant& value);
[[nodiscard]] Json to_json(const Dictionary& values);

/// A value of a property for people, in one line; the name tells sizes and times from other numbers.
[[nodiscard]] std::string value_text(const std::string& name, const Json& value);

/// The member as text; "" when it is not there or no text.
[[nodiscard]] std::string text_at(const Json& object, const char* key);
/// As text_at(), printable.
[[nodiscard]] std::string shown(const Json& object, const char* key);
/// The member as a number; 0 when it is not there or no such number.
[[nodiscard]] std::uint64_t number_at(const Json& object, const char* key);
[[nodiscard]] bool flag_at(const Json& object, const char* key);
[[nodiscard]] Json array_at(const Json& object, const char* key);

}  // namespace virtbusctl
