// SPDX-License-Identifier: LGPL-2.1-or-later
// Sizes and times as people write and read them.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace virtbusctl {

/// "512M", "1.5 GiB", "64KiB", "4096B": K, M, G, T are powers of 1024. A bare number is refused: one program takes it
/// for bytes, the next for KiB or MiB. Throws UsageError.
[[nodiscard]] std::uint64_t parse_size(std::string_view text);

/// "60s", "5min", "1.5h", "500ms"; a bare number is seconds. Throws UsageError.
[[nodiscard]] std::chrono::microseconds parse_duration(std::string_view text);

/// A new size: "20G", or "+5G" for so much more than now.
struct NewSize {
    std::uint64_t bytes;
    bool more = false;

    /// Throws UsageError when nothing can be as large.
    [[nodiscard]] std::uint64_t from(std::uint64_t now) const;
};
[[nodiscard]] NewSize parse_new_size(std::string_view text);

/// As parse_size(), but a bare number is bytes: where exactly so many are meant. Throws UsageError.
[[nodiscard]] std::uint64_t parse_bytes(std::string_view text);

/// yes, no, true, false, on, off, 1, 0. Throws UsageError.
[[nodiscard]] bool parse_yes_no(std::string_view text);

/// How many CPUs: a whole number of at least 1. Throws UsageError.
[[nodiscard]] std::uint32_t parse_count(std::string_view text);

/// "128 MiB", "1.5 GiB", "700 B".
[[nodiscard]] std::string size_text(std::uint64_t bytes);

/// "1.5 GiB (1610612736 bytes)", "700 B".
[[nodiscard]] std::string exact_size_text(std::uint64_t bytes);

/// "12 s", "3 min 5 s", "2 h 10 min", "4 d 1 h".
[[nodiscard]] std::string duration_text(std::chrono::microseconds duration);

/// Microseconds since 1970.
[[nodiscard]] std::uint64_t now_usec();

/// "2024-05-01 12:00:00", local time, from microseconds since 1970.
[[nodiscard]] std::string time_text(std::uint64_t usec);

/// "12:00:00.123456", local time.
[[nodiscard]] std::string clock_text(std::uint64_t usec);

}  // namespace virtbusctl
