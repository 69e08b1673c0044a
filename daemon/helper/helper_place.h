// SPDX-License-Identifier: LGPL-2.1-or-later
// Where a helper is to be had: a program that virtbusd starts, or the socket of one that systemd starts, with rights
// that virtbusd does not have. Any thread.
#pragma once

#include <string>
#include <utility>

namespace virtbus {

struct HelperPlace {
    enum class Kind { program, socket };

    HelperPlace(std::string its_path, Kind its_kind = Kind::program) : path(std::move(its_path)), kind(its_kind) {}
    HelperPlace(const char* its_path) : HelperPlace(std::string(its_path)) {}

    std::string path;
    Kind kind;
};

}  // namespace virtbus
