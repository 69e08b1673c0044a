// SPDX-License-Identifier: LGPL-2.1-or-later
// What may stand where the cursor is, by the verbs and options that the program knows: nothing is listed twice, so that
// nothing gets stale. Pure functions.
#pragma once

#include <CLI/CLI.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace virtbusctl {

struct Candidate {
    std::string text;
    std::string description;
};

struct Completion {
    std::string prefix;                 ///< what is typed already
    std::string before;                 ///< "--pool=", which belongs to the same word as the value
    std::vector<Candidate> candidates;  ///< verbs or options, those that do not begin with the prefix too
    std::string value;                  ///< else what it is: MACHINE, FILE, …; "" for nothing
    // What else is on the command line and matters to what names there are.
    bool user = false;
    bool system = false;
    std::string hypervisor;
};

/// `words`: those after the program's name, up to the cursor: the last is being typed, and may be empty.
[[nodiscard]] Completion complete(const CLI::App& program, const std::vector<std::string>& words);

/// A command line as bash has it.
struct ShellLine {
    std::vector<std::string> words;  ///< without the quotes; the last is being typed
    char quote = '\0';               ///< the quote that is open in it
    std::string kept;                ///< how the last begins that readline will not replace: it breaks words at : and =
};
[[nodiscard]] ShellLine read_shell_line(std::string_view line);

/// `text` as the rest of a word that began with `quote`, or with none.
[[nodiscard]] std::string quote_for_shell(std::string_view text, char quote);

}  // namespace virtbusctl
