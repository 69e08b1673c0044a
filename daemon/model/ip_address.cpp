// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/ip_address.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace virtbus {

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
    const std::string ended(text);
    IpAddress address;
    if (text.find('\0') != std::string_view::npos) return std::nullopt;
    if (::inet_pton(AF_INET, ended.c_str(), address.bytes_.data()) == 1) return address;
    address.is_ipv6_ = true;
    if (::inet_pton(AF_INET6, ended.c_str(), address.bytes_.data()) == 1) return address;
    return std::nullopt;
}

IpAddress IpAddress::ipv4(std::uint32_t number) {
    IpAddress address;
    for (std::size_t i = 0; i < 4; ++i) address.bytes_.at(i) = static_cast<std::uint8_t>(number >> (24 - 8 * i));
    return address;
}

std::string IpAddress::text() const {
    std::array<char, INET6_ADDRSTRLEN> text{};
    ::inet_ntop(is_ipv6_ ? AF_INET6 : AF_INET, bytes_.data(), text.data(), text.size());
    return text.data();
}

std::uint32_t IpAddress::number() const {
    std::uint32_t number = 0;
    for (std::size_t i = 0; i < 4; ++i) number = number << 8 | bytes_.at(i);
    return number;
}

bool IpAddress::shares(const IpAddress& other, unsigned prefix) const {
    if (is_ipv6_ != other.is_ipv6_) return false;
    const auto whole = prefix / 8;
    if (!std::equal(bytes_.begin(), bytes_.begin() + whole, other.bytes_.begin())) return false;
    const auto rest = prefix % 8;
    return rest == 0 || (bytes_.at(whole) ^ other.bytes_.at(whole)) >> (8 - rest) == 0;
}

bool IpAddress::is_loopback() const {
    std::array<std::uint8_t, 16> one{};
    one.back() = 1;
    return is_ipv6_ ? bytes_ == one : bytes_[0] == 127;
}

bool IpAddress::is_link_local() const {
    return is_ipv6_ ? bytes_[0] == 0xfe && (bytes_[1] & 0xc0) == 0x80 : bytes_[0] == 169 && bytes_[1] == 254;
}

bool IpAddress::is_unicast() const {
    if (!is_ipv6_) return bytes_[0] != 0 && bytes_[0] < 224;
    return bytes_[0] != 0xff && bytes_ != std::array<std::uint8_t, 16>{};
}

std::optional<IpSubnet> IpSubnet::parse(std::string_view text) {
    const auto slash = text.find('/');
    if (slash == std::string_view::npos) return std::nullopt;
    const auto address = IpAddress::parse(text.substr(0, slash));
    const auto digits = text.substr(slash + 1);
    unsigned prefix = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), prefix);
    if (!address || error != std::errc{} || end != digits.data() + digits.size() || prefix > address->bits())
        return std::nullopt;
    return IpSubnet{*address, prefix};
}

bool IpSubnet::overlaps(const IpSubnet& other) const {
    return address.shares(other.address, std::min(prefix, other.prefix));
}

std::string IpSubnet::text() const {
    // Of IPv6 the address itself: nobody reads the zeros behind it.
    return fmt::format("{}/{}", address.is_ipv4() ? IpAddress::ipv4(network()).text() : address.text(), prefix);
}

std::uint32_t IpSubnet::network() const {
    return prefix == 0 ? 0 : address.number() & ~std::uint32_t{0} << (32 - prefix);
}

std::uint32_t IpSubnet::broadcast() const { return prefix == 32 ? network() : network() | ~std::uint32_t{0} >> prefix; }

}  // namespace virtbus
