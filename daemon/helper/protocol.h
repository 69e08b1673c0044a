// SPDX-License-Identifier: LGPL-2.1-or-later
// What virtbusd and virtbus-helper say to each other, over one stream socket: a request, one line of JSON, from
// virtbusd; then from the helper any number of {"processed": n, "total": n}, and one {"done": …} or {"error": …}.
// A socket that virtbusd closes, or a part of it, says that nobody wants it any more. Both sides; any thread.
#pragma once

#include "model/error.h"
#include "model/image_tool.h"

#include <nlohmann/json.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace virtbus {

/// How long a line may be. A path has at most 4 KiB.
constexpr std::size_t protocol_line_max = 65'536;

void to_json(nlohmann::json& value, const ImageFile& file);
void from_json(const nlohmann::json& value, ImageFile& file);
void to_json(nlohmann::json& value, const NewFile& file);
void from_json(const nlohmann::json& value, NewFile& file);
void to_json(nlohmann::json& value, const CheckReport& report);
void from_json(const nlohmann::json& value, CheckReport& report);

nlohmann::json error_to_json(const Error& error);
Error error_from_json(const nlohmann::json& value);

/// With its newline. What is not UTF-8 is replaced.
std::string protocol_line(const nlohmann::json& value);

/// The message that a line is. Error failed if it is none; numbers are whole, as what others would become is not
/// defined.
nlohmann::json read_message(std::string_view line);

/// Takes the first whole line, without its newline, out of `received`; Error failed if it is too long.
std::optional<std::string> take_line(std::string& received);

}  // namespace virtbus
