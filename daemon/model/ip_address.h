// SPDX-License-Identifier: LGPL-2.1-or-later
// IP addresses and subnets, of both versions: plain values.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace virtbus {

class IpAddress {
public:
    /// "192.168.122.1", "fe80::1"; nothing for other text.
    static std::optional<IpAddress> parse(std::string_view text);
    static IpAddress ipv4(std::uint32_t number);

    [[nodiscard]] std::string text() const;
    [[nodiscard]] bool is_ipv4() const { return !is_ipv6_; }
    /// How many bits it has.
    [[nodiscard]] unsigned bits() const { return is_ipv6_ ? 128 : 32; }
    /// Of an IPv4 address.
    [[nodiscard]] std::uint32_t number() const;

    [[nodiscard]] bool is_loopback() const;
    [[nodiscard]] bool is_link_local() const;
    /// Whether a machine can have it: it is not unspecified, of the kernel's own 0.0.0.0/8, multicast or broadcast.
    [[nodiscard]] bool is_unicast() const;
    /// Whether the first `prefix` bits are those of `other`, which is of the same version.
    [[nodiscard]] bool shares(const IpAddress& other, unsigned prefix) const;

    /// IPv4 before IPv6.
    auto operator<=>(const IpAddress&) const = default;

private:
    bool is_ipv6_ = false;
    std::array<std::uint8_t, 16> bytes_{};
};

/// An address and the subnet that it is in.
struct IpSubnet {
    IpAddress address;
    unsigned prefix = 0;

    /// "192.168.122.1/24"; nothing for other text.
    static std::optional<IpSubnet> parse(std::string_view text);

    [[nodiscard]] bool contains(const IpAddress& other) const { return address.shares(other, prefix); }
    [[nodiscard]] bool overlaps(const IpSubnet& other) const;
    /// "192.168.122.0/24"
    [[nodiscard]] std::string text() const;

    // Of an IPv4 subnet.
    [[nodiscard]] std::uint32_t network() const;
    [[nodiscard]] std::uint32_t broadcast() const;

    bool operator==(const IpSubnet&) const = default;
};

}  // namespace virtbus
