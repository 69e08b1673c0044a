// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/qcow2_header.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace virtbus {

namespace {

using Fault = std::optional<std::string>;

constexpr std::uint32_t magic = 0x514649fb;  // "QFI\xfb"
constexpr std::uint64_t largest_size = std::uint64_t{1} << 50;
constexpr std::uint64_t l1_bytes_max = 32 << 20;
constexpr std::uint64_t refcount_table_bytes_max = 8 << 20;
constexpr std::uint32_t snapshots_max = 65'536;
constexpr std::uint32_t refcount_order_max = 6;
constexpr std::size_t v2_length = 72;
constexpr std::size_t v3_length = 104;
constexpr std::uint32_t data_file_extension = 0x44415441;

enum Incompatible : std::uint64_t { corrupt = 2, data_file = 4, known = 31 };  // dirty 1, compression 8, long L2 16

class Header {
public:
    Header(std::span<const std::byte> bytes, std::uint64_t file_size) : bytes_(bytes), file_size_(file_size) {}

    [[nodiscard]] Fault fault() const {
        if (bytes_.size() < v2_length || file_size_ < v2_length) return "it is too short for a qcow2 image";
        if (u32(0) != magic) return "it is not a qcow2 image";
        if (version() != 2 && version() != 3) return fmt::format("it is of version {}, which is not known", version());
        if (version() == 3 && bytes_.size() < v3_length) return "it is too short for a qcow2 image";
        if (u64(8) != 0) return "it names a backing file, and must stand alone";
        if (u32(32) != 0) return "it is encrypted";
        for (auto check : {&Header::fault_of_sizes, &Header::fault_of_features, &Header::fault_of_tables,
                           &Header::fault_of_extensions})
            if (auto found = (this->*check)()) return found;
        return std::nullopt;
    }

private:
    [[nodiscard]] std::uint64_t number(std::size_t at, std::size_t length) const {
        std::uint64_t value = 0;
        for (const auto byte : bytes_.subspan(at, length)) value = value << 8 | std::to_integer<std::uint64_t>(byte);
        return value;
    }
    [[nodiscard]] std::uint32_t u32(std::size_t at) const { return static_cast<std::uint32_t>(number(at, 4)); }
    [[nodiscard]] std::uint64_t u64(std::size_t at) const { return number(at, 8); }

    [[nodiscard]] std::uint32_t version() const { return u32(4); }
    [[nodiscard]] std::uint64_t cluster() const { return std::uint64_t{1} << u32(20); }  // after fault_of_sizes
    [[nodiscard]] std::uint64_t length() const { return version() == 2 ? v2_length : u32(100); }

    [[nodiscard]] Fault fault_of_sizes() const {
        if (u32(20) < 9 || u32(20) > 21) return fmt::format("its clusters of 2^{} bytes are not possible", u32(20));
        if (u64(24) > largest_size) return fmt::format("its size of {} bytes is too large", u64(24));
        if (length() < (version() == 2 ? v2_length : v3_length) || length() % 8 != 0 || length() > cluster())
            return fmt::format("its header's length of {} bytes is not possible", length());
        return std::nullopt;
    }

    [[nodiscard]] Fault fault_of_features() const {
        if (version() == 2) return std::nullopt;
        const auto features = u64(72);
        if ((features & data_file) != 0) return "it keeps its data in another file";
        if ((features & corrupt) != 0) return "it is marked as corrupt";
        if ((features & ~std::uint64_t{known}) != 0)
            return fmt::format("it has features {:#x} that are not known", features);
        if (u32(96) > refcount_order_max) return fmt::format("its refcounts of 2^{} bits are not possible", u32(96));
        if (length() > v3_length && bytes_.size() > v3_length && number(v3_length, 1) > 1)
            return fmt::format("it is compressed in a way ({}) that is not known", number(v3_length, 1));
        return std::nullopt;
    }

    [[nodiscard]] Fault fault_of_tables() const {
        const std::uint64_t l1_bytes = std::uint64_t{u32(36)} * 8;
        if (l1_bytes > l1_bytes_max) return "its L1 table is too large";
        if (auto found = fault_of_table("L1 table", u64(40), l1_bytes)) return found;
        const std::uint64_t refcount_bytes = u32(56) * cluster();
        if (refcount_bytes == 0) return "it has no refcount table";
        if (refcount_bytes > refcount_table_bytes_max) return "its refcount table is too large";
        if (auto found = fault_of_table("refcount table", u64(48), refcount_bytes)) return found;
        if (u32(60) > snapshots_max) return fmt::format("{} snapshots in it are too many", u32(60));
        return fault_of_table("snapshot table", u64(64), u32(60));
    }

    [[nodiscard]] Fault fault_of_table(const char* name, std::uint64_t offset, std::uint64_t bytes) const {
        if (bytes == 0) return std::nullopt;
        if (offset == 0 || offset % cluster() != 0) return fmt::format("its {} is not at a cluster's start", name);
        if (offset > file_size_ || bytes > file_size_ - offset)
            return fmt::format("its {} is not within the file: it was cut off", name);
        return std::nullopt;
    }

    /// They are entries of type, length and data, up to one of type 0 or the end of the first cluster.
    [[nodiscard]] Fault fault_of_extensions() const {
        const Fault endless = "its header does not end where it must";
        const std::uint64_t end = std::min<std::uint64_t>(cluster(), bytes_.size());
        std::uint64_t at = length();
        while (at + 8 <= end) {
            const auto type = u32(at);
            const std::uint64_t size = u32(at + 4);
            if (type == 0) return std::nullopt;
            if (type == data_file_extension) return "it names a file for its data";
            if (size > end - at - 8) return endless;
            at += 8 + (size + 7) / 8 * 8;
        }
        return end == cluster() && at <= end ? Fault() : endless;
    }

    std::span<const std::byte> bytes_;
    std::uint64_t file_size_;
};

}  // namespace

Fault qcow2_fault(std::span<const std::byte> start_of_file, std::uint64_t file_size) {
    return Header(start_of_file, file_size).fault();
}

bool qcow2_has_external_data(std::span<const std::byte> start_of_file) {
    constexpr std::array signature{std::byte{'Q'}, std::byte{'F'}, std::byte{'I'}, std::byte{0xfb}};
    constexpr std::size_t incompatible_features = 72;  // big-endian, of version 3 and later
    constexpr std::byte external_data{1 << 2};
    if (start_of_file.size() < incompatible_features + 8 || start_of_file[7] < std::byte{3}) return false;
    if (!std::equal(signature.begin(), signature.end(), start_of_file.begin())) return false;
    return (start_of_file[incompatible_features + 7] & external_data) != std::byte{};
}

bool qcow2_has_snapshots(std::span<const std::byte> start_of_file) {
    constexpr std::size_t count = 60;
    if (start_of_file.size() < v2_length) return false;
    const auto bytes = start_of_file.subspan(count, 4);
    return std::any_of(bytes.begin(), bytes.end(), [](std::byte byte) { return byte != std::byte{}; });
}

}  // namespace virtbus
