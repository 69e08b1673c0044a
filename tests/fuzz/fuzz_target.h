// SPDX-License-Identifier: LGPL-2.1-or-later
// What a file of this directory is: one reader of what others wrote, and what must be true whatever that is.
#pragma once

#include "model/error.h"

#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace virtbus::fuzz {

/// Each target defines it. Errors that callers expect it catches; what else is thrown, and a broken rule, is a finding.
void read_anything(std::string_view input);

inline void require(bool is_true, const char* rule) {
    if (is_true) return;
    std::fprintf(stderr, "broken: %s\n", rule);
    std::abort();
}

/// Whether it works; an Error is what a reader may answer instead.
template <typename Work>
bool is_taken(Work&& work) {
    try {
        work();
        return true;
    } catch (const Error&) {
        return false;
    }
}

}  // namespace virtbus::fuzz
