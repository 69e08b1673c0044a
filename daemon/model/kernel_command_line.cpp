// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/kernel_command_line.h"

#include <algorithm>

namespace virtbus {

namespace {

constexpr std::string_view blanks = " \t\r\n";
constexpr std::string_view machine_id_key = "systemd.machine_id";

bool is_quote(char c) { return c == '"' || c == '\''; }

/// How long the blanks that `line` begins with and the word after them are. A quote goes on to its end.
std::size_t word_length(std::string_view line) {
    char quote = 0;
    for (std::size_t at = std::min(line.find_first_not_of(blanks), line.size()); at < line.size(); ++at) {
        const char c = line[at];
        if (quote != 0) {
            if (c == quote) quote = 0;
        } else if (is_quote(c)) {
            quote = c;
        } else if (blanks.find(c) != std::string_view::npos) {
            return at;
        }
    }
    return line.size();
}

/// Takes the first word from `line`, with the blanks before it.
std::string_view take_word(std::string_view& line) {
    const auto word = line.substr(0, word_length(line));
    line.remove_prefix(word.size());
    return word;
}

/// How long `key` is where `text` begins with it, with its quotes and its "="; else 0.
std::size_t key_length(std::string_view text, std::string_view key) {
    std::size_t matched = 0;
    for (std::size_t at = 0; at < text.size(); ++at) {
        const char c = text[at];
        if (is_quote(c)) continue;
        if (matched == key.size()) return c == '=' ? at + 1 : 0;
        if ((c == '-' ? '_' : c) != key[matched++]) return 0;
    }
    return 0;
}

/// The value, without quotes, if it is `key` that the word sets.
std::optional<std::string> value_of(std::string_view word, std::string_view key) {
    word.remove_prefix(std::min(word.find_first_not_of(blanks), word.size()));
    const auto length = key_length(word, key);
    if (length == 0) return std::nullopt;
    std::string value(word.substr(length));
    std::erase_if(value, is_quote);
    return value;
}

/// A credential counts only where /etc/machine-id holds no id.
bool sets_credential(std::string_view word) {
    for (const auto* key : {"systemd.set_credential", "systemd.set_credential_binary"})
        if (const auto value = value_of(word, key); value && value->starts_with("system.machine_id:")) return true;
    return false;
}

}  // namespace

KernelMachineId kernel_machine_id(std::string_view command_line) {
    KernelMachineId found;
    while (!command_line.empty()) {
        const auto value = value_of(take_word(command_line), machine_id_key);
        if (!value) continue;
        if (*value == "firmware")
            found = {.id = std::nullopt, .firmware = true};
        else if (const auto id = MachineId::parse(*value))
            found = {.id = id, .firmware = false};
    }
    return found;
}

std::size_t machine_id_key_length(std::string_view text) { return key_length(text, machine_id_key); }

std::string without_machine_id(std::string_view command_line) {
    std::string kept;
    const auto whole = command_line.size();
    while (!command_line.empty()) {
        const auto word = take_word(command_line);
        if (!value_of(word, machine_id_key) && !sets_credential(word)) kept += word;
    }
    if (kept.size() != whole) kept.erase(0, kept.find_first_not_of(blanks));
    return kept;
}

}  // namespace virtbus
