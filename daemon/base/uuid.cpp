// SPDX-License-Identifier: LGPL-2.1-or-later
#include "base/uuid.h"

#include <systemd/sd-id128.h>

#include <cstring>
#include <system_error>

namespace virtbus {

std::optional<Uuid> Uuid::parse(std::string_view text) {
    // sd_id128_from_string() takes both forms, but would read on to a NUL that a string_view need not have.
    sd_id128_t id;
    if (sd_id128_from_string(std::string(text).c_str(), &id) < 0) return std::nullopt;
    if (text.find('\0') != std::string_view::npos) return std::nullopt;
    Uuid uuid;
    std::memcpy(uuid.bytes_.data(), id.bytes, size);
    return uuid;
}

Uuid Uuid::random() {
    sd_id128_t id;
    if (const int result = sd_id128_randomize(&id); result < 0)
        throw std::system_error(-result, std::generic_category(), "cannot make a random UUID");
    Uuid uuid;
    std::memcpy(uuid.bytes_.data(), id.bytes, size);
    return uuid;
}

std::string Uuid::text(char separator) const {
    static constexpr char digits[] = "0123456789abcdef";
    std::string text(2 * size + 4, separator);
    auto next = text.begin();
    for (std::size_t i = 0; i < size; ++i) {
        if (i == 4 || i == 6 || i == 8 || i == 10) ++next;
        *next++ = digits[bytes_[i] >> 4];
        *next++ = digits[bytes_[i] & 0xf];
    }
    return text;
}

}  // namespace virtbus

std::size_t std::hash<virtbus::Uuid>::operator()(const virtbus::Uuid& uuid) const noexcept {
    const auto& bytes = uuid.bytes();
    return std::hash<std::string_view>{}({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}
