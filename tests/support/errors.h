// SPDX-License-Identifier: LGPL-2.1-or-later
// Lets a test say which Error it expects.
#pragma once

#include "model/error.h"

#include <concepts>
#include <exception>
#include <ostream>
#include <string>

namespace virtbus::test {

/// What a piece of code ended with: nothing, an Error's code and text, or something else.
struct Outcome {
    bool failed = false;
    bool is_ours = false;
    Code code = Code::internal;
    std::string text;

    friend std::ostream& operator<<(std::ostream& stream, const Outcome& outcome) {
        if (!outcome.failed) return stream << "success";
        return stream << (outcome.is_ours ? "Error code " : "foreign exception ") << static_cast<int>(outcome.code)
                      << ": " << outcome.text;
    }
};

inline Outcome outcome_of(const std::exception_ptr& failure) {
    if (!failure) return {};
    try {
        std::rethrow_exception(failure);
    } catch (const Error& error) {
        return {true, true, error.code(), error.what()};
    } catch (const std::exception& error) {
        return {true, false, Code::internal, error.what()};
    }
}

template <std::invocable Piece>
Outcome outcome_of(Piece&& piece) {
    try {
        piece();
    } catch (...) {
        return outcome_of(std::current_exception());
    }
    return {};
}

/// Whether it failed with `code`, and the text begins with `key`.
inline bool refuses(const Outcome& outcome, Code code, const std::string& key = {}) {
    return outcome.is_ours && outcome.code == code && outcome.text.compare(0, key.size(), key) == 0;
}

}  // namespace virtbus::test
