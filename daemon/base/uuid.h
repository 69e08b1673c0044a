// SPDX-License-Identifier: LGPL-2.1-or-later
// A 128-bit id, RFC 4122: how libvirt names a machine, and how we name it everywhere. A plain value.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace virtbus {

class Uuid {
public:
    static constexpr std::size_t size = 16;

    Uuid() = default;
    explicit Uuid(const std::array<std::uint8_t, size>& bytes) : bytes_(bytes) {}

    /// Reads 32 hexadecimal digits, with dashes (8-4-4-4-12) or without; nothing else.
    static std::optional<Uuid> parse(std::string_view text);

    /// A new random one (version 4).
    static Uuid random();

    /// Lower-case with dashes, as libvirt and RFC 4122 write it.
    [[nodiscard]] std::string text() const { return text('-'); }
    /// The same with another separator, such as "_" in an object path.
    [[nodiscard]] std::string text(char separator) const;

    [[nodiscard]] const std::array<std::uint8_t, size>& bytes() const { return bytes_; }

    friend auto operator<=>(const Uuid&, const Uuid&) = default;

private:
    std::array<std::uint8_t, size> bytes_{};
};

}  // namespace virtbus

template <>
struct std::hash<virtbus::Uuid> {
    std::size_t operator()(const virtbus::Uuid& uuid) const noexcept;
};
