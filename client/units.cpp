// SPDX-License-Identifier: LGPL-2.1-or-later
#include "units.h"

#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <limits>
#include <optional>

#include "failure.h"
#include "text.h"

namespace virtbusctl {

namespace {

struct Unit {
    std::string_view name;
    std::uint64_t factor;
};

constexpr std::uint64_t kib = 1024;
constexpr std::array size_units = {
    Unit{"b", 1},
    Unit{"k", kib},
    Unit{"kib", kib},
    Unit{"m", kib* kib},
    Unit{"mib", kib* kib},
    Unit{"g", kib* kib* kib},
    Unit{"gib", kib* kib* kib},
    Unit{"t", kib* kib* kib* kib},
    Unit{"tib", kib* kib* kib* kib},
};

constexpr std::array duration_units = {
    Unit{"us", 1},           Unit{"ms", 1'000},        Unit{"", 1'000'000},
    Unit{"s", 1'000'000},    Unit{"sec", 1'000'000},   Unit{"m", 60'000'000},
    Unit{"min", 60'000'000}, Unit{"h", 3'600'000'000}, Unit{"d", 86'400'000'000},
};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// A decimal number, cut in three: "1.5 GiB" → "1", "5", "gib".
struct Quantity {
    std::string whole;
    std::string fraction;
    std::string unit;
};

std::optional<Quantity> split(std::string_view text) {
    const auto take_digits = [&text] {
        const auto end = std::find_if_not(text.begin(), text.end(), is_digit);
        const auto length = static_cast<std::size_t>(end - text.begin());
        const std::string digits(text.substr(0, length));
        text.remove_prefix(length);
        return digits;
    };
    Quantity result;
    result.whole = take_digits();
    if (result.whole.empty()) return {};
    if (!text.empty() && text.front() == '.') {
        text.remove_prefix(1);
        result.fraction = take_digits();
        if (result.fraction.empty() || result.fraction.size() > 9) return {};
    }
    while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
    for (const char c : text) result.unit += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return result;
}

/// Whole × factor + fraction × factor; nothing when it does not fit.
std::optional<std::uint64_t> multiply(const Quantity& quantity, std::uint64_t factor) {
    std::uint64_t whole = 0;
    const char* const end = quantity.whole.data() + quantity.whole.size();
    if (std::from_chars(quantity.whole.data(), end, whole).ec != std::errc{}) return {};
    if (whole > std::numeric_limits<std::uint64_t>::max() / factor) return {};
    double fraction = 0;
    for (auto digit = quantity.fraction.rbegin(); digit != quantity.fraction.rend(); ++digit)
        fraction = (fraction + (*digit - '0')) / 10;
    const auto rest = static_cast<std::uint64_t>(fraction * static_cast<double>(factor) + 0.5);
    if (whole * factor > std::numeric_limits<std::uint64_t>::max() - rest) return {};
    return whole * factor + rest;
}

template <std::size_t N>
std::optional<std::uint64_t> parse(std::string_view text, const std::array<Unit, N>& units) {
    const auto quantity = split(text);
    if (!quantity) return {};
    const auto unit = std::find_if(units.begin(), units.end(), [&](const Unit& u) { return u.name == quantity->unit; });
    return unit == units.end() ? std::nullopt : multiply(*quantity, unit->factor);
}

tm local_time(std::uint64_t usec) {
    const auto seconds = static_cast<time_t>(usec / 1'000'000);
    tm parts{};
    ::localtime_r(&seconds, &parts);
    return parts;
}

}  // namespace

std::uint64_t parse_size(std::string_view text) {
    if (!text.empty() && std::all_of(text.begin(), text.end(), is_digit))
        throw UsageError(
            fmt::format("the size {} has no unit: write {}M, {}G, … ({}B for bytes)", text, text, text, text));
    if (const auto size = parse(text, size_units)) return *size;
    throw UsageError(
        fmt::format("\"{}\" is not a size: write 512M, 1.5G, 64K, …; the units are powers of 1024", printable(text)));
}

std::uint64_t NewSize::from(std::uint64_t now) const {
    if (!more) return bytes;
    if (bytes > std::numeric_limits<std::uint64_t>::max() - now)
        throw UsageError(fmt::format("{} more than {} is too much", size_text(bytes), size_text(now)));
    return now + bytes;
}

NewSize parse_new_size(std::string_view text) {
    const bool more = !text.empty() && text.front() == '+';
    return {parse_size(more ? text.substr(1) : text), more};
}

std::uint64_t parse_bytes(std::string_view text) {
    const bool bare = !text.empty() && std::all_of(text.begin(), text.end(), is_digit);
    return parse_size(bare ? std::string(text) + "B" : std::string(text));
}

std::chrono::microseconds parse_duration(std::string_view text) {
    const auto usec = parse(text, duration_units);
    if (usec && *usec <= static_cast<std::uint64_t>(std::chrono::microseconds::max().count()))
        return std::chrono::microseconds(*usec);
    throw UsageError(fmt::format("\"{}\" is not a length of time: write 30s, 5min, 1h, …", printable(text)));
}

bool parse_yes_no(std::string_view text) {
    if (text == "yes" || text == "true" || text == "on" || text == "1") return true;
    if (text == "no" || text == "false" || text == "off" || text == "0") return false;
    throw UsageError(fmt::format("\"{}\" is neither yes nor no", printable(text)));
}

std::uint32_t parse_count(std::string_view text) {
    std::uint32_t count = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
    if (error == std::errc{} && end == text.data() + text.size() && count > 0) return count;
    throw UsageError(fmt::format("\"{}\" is no number of CPUs", printable(text)));
}

std::string size_text(std::uint64_t bytes) {
    constexpr std::array names = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    std::size_t unit = 0;
    auto value = static_cast<double>(bytes);
    // 1023.95 would be printed as 1024.0: the next unit then.
    while (value >= 1023.95 && unit + 1 < names.size()) {
        value /= 1024;
        unit++;
    }
    std::string number = fmt::format("{:.1f}", value);
    if (number.size() > 2 && number.substr(number.size() - 2) == ".0") number.resize(number.size() - 2);
    return number + " " + names[unit];
}

std::string exact_size_text(std::uint64_t bytes) {
    return bytes < kib ? size_text(bytes) : fmt::format("{} ({} bytes)", size_text(bytes), bytes);
}

std::string duration_text(std::chrono::microseconds duration) {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(duration).count();
    if (seconds < 60) return fmt::format("{} s", std::max<std::int64_t>(seconds, 0));
    if (seconds < 3600) return fmt::format("{} min {} s", seconds / 60, seconds % 60);
    if (seconds < 86400) return fmt::format("{} h {} min", seconds / 3600, seconds / 60 % 60);
    return fmt::format("{} d {} h", seconds / 86400, seconds / 3600 % 24);
}

std::uint64_t now_usec() {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(now).count());
}

std::string time_text(std::uint64_t usec) {
    const tm t = local_time(usec);
    return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}", t.tm_year + 1900, t.tm_mon + 1, t.tm_mday, t.tm_hour,
                       t.tm_min, t.tm_sec);
}

std::string clock_text(std::uint64_t usec) {
    const tm t = local_time(usec);
    return fmt::format("{:02}:{:02}:{:02}.{:06}", t.tm_hour, t.tm_min, t.tm_sec, usec % 1'000'000);
}

}  // namespace virtbusctl
