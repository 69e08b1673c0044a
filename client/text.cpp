// SPDX-License-Identifier: LGPL-2.1-or-later
#include "text.h"

#include <fmt/format.h>
#include <wchar.h>

#include <optional>

namespace virtbusctl {

namespace {

struct Character {
    char32_t code;
    std::size_t length;  // in bytes
};

/// Reads the UTF-8 character that the text begins with; nothing if there is none.
std::optional<Character> first_character(std::string_view text) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char lead = byte(0);
    if (lead < 0x80) return Character{lead, 1};
    const std::size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    if (lead < 0xc2 || lead > 0xf4 || text.size() < length) return {};
    char32_t code = lead & (0x7fU >> length);
    for (std::size_t i = 1; i < length; i++) {
        if ((byte(i) & 0xc0) != 0x80) return {};
        code = code << 6 | (byte(i) & 0x3fU);
    }
    constexpr char32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    if (code < smallest[length] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return {};
    return Character{code, length};
}

/// Controls (C0, DEL, C1) act on the terminal; marks of direction and line separators make text seem what it is not.
bool is_unsafe(char32_t code) {
    return code < 0x20 || (code >= 0x7f && code <= 0x9f) || code == 0x61c || code == 0x200e || code == 0x200f ||
           (code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069) || code == 0xfeff;
}

std::string escaped(char32_t code) {
    if (code == '\n') return "\\n";
    if (code == '\t') return "\\t";
    const auto number = static_cast<std::uint32_t>(code);
    return code < 0x80 ? fmt::format("\\x{:02x}", number) : fmt::format("\\u{:04x}", number);
}

std::size_t columns_of(char32_t code) {
    const int columns = ::wcwidth(static_cast<wchar_t>(code));
    return columns < 0 ? 1 : static_cast<std::size_t>(columns);
}

}  // namespace

std::string printable(std::string_view text) {
    std::string result;
    result.reserve(text.size());
    while (!text.empty()) {
        const auto character = first_character(text);
        const std::size_t length = character ? character->length : 1;
        if (!character)
            result += fmt::format("\\x{:02x}", static_cast<unsigned char>(text[0]));
        else if (is_unsafe(character->code))
            result += escaped(character->code);
        else
            result += text.substr(0, length);
        text.remove_prefix(length);
    }
    return result;
}

std::string printable_lines(std::string_view text, std::string_view indent) {
    while (!text.empty() && text.back() == '\n') text.remove_suffix(1);
    std::string result;
    for (;;) {
        const auto end = text.find('\n');
        result += printable(text.substr(0, end));
        if (end == std::string_view::npos) return result;
        result += '\n';
        result += indent;
        text.remove_prefix(end + 1);
    }
}

std::size_t display_width(std::string_view text) {
    std::size_t columns = 0;
    while (!text.empty()) {
        const auto character = first_character(text);
        columns += character ? columns_of(character->code) : 1;
        text.remove_prefix(character ? character->length : 1);
    }
    return columns;
}

std::string cut(std::string_view text, std::size_t columns) {
    std::string_view rest = text;
    std::size_t used = 0;
    while (!rest.empty()) {
        const auto character = first_character(rest);
        used += character ? columns_of(character->code) : 1;
        if (used > columns) break;
        rest.remove_prefix(character ? character->length : 1);
    }
    return std::string(text.substr(0, text.size() - rest.size()));
}

}  // namespace virtbusctl
