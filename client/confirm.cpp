// SPDX-License-Identifier: LGPL-2.1-or-later
#include "confirm.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <iostream>

#include "failure.h"

namespace virtbusctl {

bool means_yes(std::string answer) {
    std::transform(answer.begin(), answer.end(), answer.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return answer == "y" || answer == "yes";
}

bool confirm(const std::string& question) {
    if (::isatty(STDIN_FILENO) != 1 || ::isatty(STDERR_FILENO) != 1)
        throw UsageError("nobody can be asked here whether this is meant: say --yes");
    fmt::print(stderr, "{} [y/N] ", question);
    std::string answer;
    if (!std::getline(std::cin, answer)) fmt::print(stderr, "\n");
    return means_yes(answer);
}

}  // namespace virtbusctl
