// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/machine_id.h"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <stdexcept>

namespace virtbus {

namespace {

constexpr std::size_t id_digits = 2 * Uuid::size;

int hex_value(char character) {
    if (character >= '0' && character <= '9') return character - '0';
    if (character >= 'a' && character <= 'f') return character - 'a' + 10;
    if (character >= 'A' && character <= 'F') return character - 'A' + 10;
    return -1;
}

bool is_hex_digit(char character) { return hex_value(character) >= 0; }
bool is_upper(char character) { return character >= 'A' && character <= 'F'; }

/// What libdbus takes for blank: not \v, not \f, no byte order mark.
std::string_view without_blanks(std::string_view text) {
    constexpr std::string_view space = " \t\n\r";
    const auto first = text.find_first_not_of(space);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(space) - first + 1);
}

/// libdbus decodes up to the first character that is no digit, and has then a half byte, if their number is odd: hence
/// it takes 31 digits and a character of any kind.
void read_as_libdbus(std::string_view content, IdContent& result) {
    const auto text = without_blanks(content);
    if (text.size() != id_digits) {
        result.dbus_error = fmt::format("should contain a hex string of length {}, not length {}, with no other text",
                                        id_digits, text.size());
        return;
    }
    std::array<std::uint8_t, Uuid::size> bytes{};
    std::size_t digits = 0;
    for (; digits < text.size() && is_hex_digit(text[digits]); ++digits) {
        const int shift = digits % 2 == 0 ? 4 : 0;
        bytes[digits / 2] = static_cast<std::uint8_t>(bytes[digits / 2] | hex_value(text[digits]) << shift);
    }
    const auto decoded = (digits + 1) / 2;
    if (digits == 0)
        result.dbus_error = "contains invalid hex data";
    else if (decoded != Uuid::size)
        result.dbus_error =
            fmt::format("contains {} bytes of hex-encoded data instead of {}", decoded, std::size_t{Uuid::size});
    else
        result.dbus = MachineId(Uuid(bytes));
}

/// systemd and GLib agree on the rest: the digits, and one newline that systemd does without.
IdState read_strictly(std::string_view content, IdContent& result) {
    if (content.empty()) return IdState::empty;
    const bool has_newline = content.back() == '\n';
    const auto text = content.substr(0, content.size() - (has_newline ? 1 : 0));
    if (text == "uninitialized") return IdState::uninitialized;
    if (text.size() != id_digits || !std::all_of(text.begin(), text.end(), is_hex_digit)) return IdState::invalid;
    result.systemd = MachineId::parse(text);
    if (!result.systemd) return IdState::null;
    if (!has_newline || std::any_of(text.begin(), text.end(), is_upper)) return IdState::non_canonical;
    result.glib = result.systemd;
    return IdState::valid;
}

}  // namespace

std::optional<MachineId> MachineId::parse(std::string_view text) {
    const auto value = Uuid::parse(text);
    if (!value || *value == Uuid()) return std::nullopt;
    return MachineId(*value);
}

std::string MachineId::text() const {
    std::string text;
    text.reserve(id_digits);
    for (const auto byte : value_.bytes()) text += fmt::format("{:02x}", byte);
    return text;
}

Uuid app_specific(const MachineId& id, const Uuid& app) {
    std::array<std::uint8_t, EVP_MAX_MD_SIZE> hash{};
    unsigned int size = 0;
    const auto& key = id.value().bytes();
    const auto& data = app.bytes();
    const auto* made =
        ::HMAC(::EVP_sha256(), key.data(), static_cast<int>(key.size()), data.data(), data.size(), hash.data(), &size);
    if (made == nullptr || size < Uuid::size) throw std::runtime_error("libcrypto cannot make an HMAC-SHA256");
    std::array<std::uint8_t, Uuid::size> bytes{};
    std::copy_n(hash.begin(), bytes.size(), bytes.begin());
    // A UUID of version 4, as systemd makes of it.
    bytes[6] = static_cast<std::uint8_t>((bytes[6] & 0x0f) | 0x40);
    bytes[8] = static_cast<std::uint8_t>((bytes[8] & 0x3f) | 0x80);
    return Uuid(bytes);
}

std::string fingerprint(const MachineId& id) {
    // Chosen at random, once: fingerprints are kept and compared, so it never changes.
    static const Uuid app(
        {0xd7, 0xbb, 0xbd, 0x4e, 0x85, 0x13, 0x42, 0xee, 0x86, 0x4f, 0x45, 0x03, 0x35, 0x78, 0x88, 0x3a});
    return MachineId(app_specific(id, app)).text();
}

std::string_view to_string(IdState state) {
    switch (state) {
        case IdState::valid: return "valid";
        case IdState::non_canonical: return "non-canonical";
        case IdState::null: return "null";
        case IdState::empty: return "empty";
        case IdState::uninitialized: return "uninitialized";
        case IdState::missing: return "missing";
        case IdState::invalid: return "invalid";
        case IdState::unknown: return "unknown";
    }
    return "";
}

std::optional<IdState> to_id_state(std::string_view word) {
    for (const auto state : {IdState::valid, IdState::non_canonical, IdState::null, IdState::empty,
                             IdState::uninitialized, IdState::missing, IdState::invalid, IdState::unknown})
        if (word == to_string(state)) return state;
    return std::nullopt;
}

IdContent classify(std::string_view content) {
    IdContent result;
    read_as_libdbus(content, result);
    result.state = read_strictly(content, result);
    return result;
}

}  // namespace virtbus
