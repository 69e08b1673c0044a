// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/hostname.h"

#include "base/utf8.h"
#include "model/error.h"

#include <fmt/format.h>

#include <algorithm>

namespace virtbus {

namespace {

constexpr std::size_t hostname_max = 64;
constexpr std::size_t label_max = 63;

bool is_label(std::string_view label) {
    const auto is_fit = [](char letter) {
        return (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') ||
               (letter >= '0' && letter <= '9') || letter == '-';
    };
    return !label.empty() && label.size() <= label_max && label.front() != '-' && label.back() != '-' &&
           std::all_of(label.begin(), label.end(), is_fit);
}

}  // namespace

bool is_hostname(std::string_view name) {
    if (name.size() > hostname_max) return false;
    while (true) {
        const auto dot = name.find('.');
        if (!is_label(name.substr(0, dot))) return false;
        if (dot == std::string_view::npos) return true;
        name.remove_prefix(dot + 1);
    }
}

void check_hostname(std::string_view name) {
    if (!is_hostname(name))
        throw Error(Code::invalid_args,
                    fmt::format("hostname: \"{}\" is no hostname: at most 64 letters, digits, \"-\" and "
                                "\".\"",
                                to_utf8(name.substr(0, 100))));
}

}  // namespace virtbus
