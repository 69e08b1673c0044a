// SPDX-License-Identifier: LGPL-2.1-or-later
#include "helper/failure.h"

#include "base/utf8.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>

namespace virtbus {

namespace {

constexpr std::size_t text_max = 1'000;

bool has(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

/// The lines as one, without the program's name that each begins with.
std::string one_line(std::string_view errors) {
    constexpr std::string_view program = "qemu-img: ";
    std::string text;
    while (!errors.empty() && text.size() < text_max) {
        auto line = errors.substr(0, errors.find('\n'));
        errors.remove_prefix(std::min(errors.size(), line.size() + 1));
        if (line.substr(0, program.size()) == program) line.remove_prefix(program.size());
        if (!line.empty()) text += (text.empty() ? "" : "; ") + std::string(line);
    }
    return text.empty() ? "qemu-img does not say why" : to_utf8(std::string_view(text).substr(0, text_max));
}

/// Which file is locked: "Is another process using the image [/path]?"
std::string locked_file(std::string_view errors) {
    const auto begin = errors.find("image [");
    const auto end = errors.find("]?", begin);
    if (begin == std::string_view::npos || end == std::string_view::npos) return "it";
    return to_utf8(errors.substr(begin + 7, end - begin - 7));
}

}  // namespace

Error system_failure(const std::string& act, int number) {
    const auto text = fmt::format("Cannot {}: {}", act, ::strerrordesc_np(number));
    if (number == ENOSPC || number == EDQUOT) return {Code::no_space, text};
    if (number == ENOENT) return {Code::no_such_image, text};
    return {Code::failed, text};
}

Error qemu_img_failure(const std::string& act, std::string_view errors) {
    if (has(errors, "Failed to get") && has(errors, "lock"))
        return {Code::in_use,
                fmt::format("Cannot {}: a running machine or another program has {} open", act, locked_file(errors))};
    const auto text = fmt::format("Cannot {}: {}", act, one_line(errors));
    if (has(errors, std::strerror(ENOSPC)) || has(errors, std::strerror(EDQUOT))) return {Code::no_space, text};
    return {Code::failed, text};
}

}  // namespace virtbus
