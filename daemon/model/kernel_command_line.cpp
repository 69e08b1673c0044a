// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/kernel_command_line.h"

#include "model/machine_id.h"

#include <algorithm>
#include <optional>

namespace virtbus {

namespace {

constexpr std::string_view blanks = " \t\r\n";

/// How long the blanks that `line` begins with and the word after them are. A quote goes on to its end.
std::size_t word_length(std::string_view line) {
    char quote = 0;
    for (std::size_t at = std::min(line.find_first_not_of(blanks), line.size()); at < line.size(); ++at) {
        const char c = line[at];
        if (quote != 0) {
            if (c == quote) quote = 0;
        } else if (c == '"' || c == '\'') {
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

struct Setting {
    std::string key;
    std::string value;
};

/// Nothing for a word that sets nothing.
std::optional<Setting> setting_of(std::string_view word) {
    word.remove_prefix(std::min(word.find_first_not_of(blanks), word.size()));
    std::string plain;
    for (const char c : word)
        if (c != '"' && c != '\'') plain += c;
    const auto equals = plain.find('=');
    if (equals == std::string::npos) return std::nullopt;
    Setting setting{plain.substr(0, equals), plain.substr(equals + 1)};
    std::replace(setting.key.begin(), setting.key.end(), '-', '_');
    return setting;
}

bool is_machine_id(const Setting& setting) { return setting.key == "systemd.machine_id"; }

/// A credential counts only where /etc/machine-id holds no id.
bool is_credential(const Setting& setting) {
    return (setting.key == "systemd.set_credential" || setting.key == "systemd.set_credential_binary") &&
           setting.value.starts_with("system.machine_id:");
}

}  // namespace

std::string kernel_machine_id(std::string_view command_line) {
    std::string id;
    while (!command_line.empty()) {
        const auto setting = setting_of(take_word(command_line));
        if (!setting || !is_machine_id(*setting)) continue;
        if (setting->value == "firmware" || MachineId::parse(setting->value)) id = setting->value;
    }
    return id;
}

std::string without_machine_id(std::string_view command_line) {
    std::string kept;
    const auto whole = command_line.size();
    while (!command_line.empty()) {
        const auto word = take_word(command_line);
        const auto setting = setting_of(word);
        if (!setting || !(is_machine_id(*setting) || is_credential(*setting))) kept += word;
    }
    if (kept.size() != whole) kept.erase(0, kept.find_first_not_of(blanks));
    return kept;
}

}  // namespace virtbus
