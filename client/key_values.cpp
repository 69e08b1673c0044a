// SPDX-License-Identifier: LGPL-2.1-or-later
#include "key_values.h"

#include <fmt/format.h>

#include <algorithm>

#include "failure.h"
#include "text.h"

namespace virtbusctl {

namespace {

/// The pieces between single commas, with double ones made single.
std::vector<std::string> split_at_commas(std::string_view text) {
    std::vector<std::string> pieces(1);
    for (std::size_t i = 0; i < text.size(); i++) {
        if (text[i] != ',') {
            pieces.back() += text[i];
        } else if (i + 1 < text.size() && text[i + 1] == ',') {
            pieces.back() += ',';
            i++;
        } else {
            pieces.emplace_back();
        }
    }
    return pieces;
}

}  // namespace

KeyValue parse_key_value(std::string_view text) {
    const auto equals = text.find('=');
    if (equals == 0 || equals == std::string_view::npos)
        throw UsageError(fmt::format("\"{}\" is not of the form KEY=VALUE", printable(text)));
    return {std::string(text.substr(0, equals)), std::string(text.substr(equals + 1))};
}

std::vector<KeyValue> parse_key_values(std::string_view text) {
    std::vector<KeyValue> result;
    for (const auto& piece : split_at_commas(text)) {
        const bool bare = piece.find('=') == std::string::npos && !piece.empty();
        KeyValue pair = bare ? KeyValue{piece, "yes"} : parse_key_value(piece);
        std::replace(pair.first.begin(), pair.first.end(), '-', '_');
        for (const auto& known : result)
            if (known.first == pair.first)
                throw UsageError(
                    fmt::format("\"{}\" is given twice in \"{}\"", printable(pair.first), printable(text)));
        result.push_back(std::move(pair));
    }
    return result;
}

std::vector<std::string> parse_words(std::string_view text) {
    std::vector<std::string> words;
    while (!text.empty()) {
        const auto comma = std::min(text.find(','), text.size());
        if (comma > 0) words.emplace_back(text.substr(0, comma));
        text.remove_prefix(std::min(comma + 1, text.size()));
    }
    return words;
}

}  // namespace virtbusctl
