// SPDX-License-Identifier: LGPL-2.1-or-later
#include "guess.h"

#include <algorithm>
#include <array>
#include <cstddef>

namespace virtbusctl {

namespace {

struct Synonym {
    std::string_view elsewhere;
    std::string_view verb;
};

/// Where there are several, the first one that there is.
constexpr std::array synonyms{
    Synonym{"attach", "console"}, Synonym{"destroy", "poweroff"},   Synonym{"destroy", "stop"},
    Synonym{"destroy", "delete"}, Synonym{"dominfo", "show"},       Synonym{"dumpxml", "xml"},
    Synonym{"events", "monitor"}, Synonym{"exec", "run"},           Synonym{"info", "show"},
    Synonym{"inspect", "show"},   Synonym{"kill", "poweroff"},      Synonym{"login", "console"},
    Synonym{"ls", "list"},        Synonym{"new", "create"},         Synonym{"new", "add"},
    Synonym{"ps", "list"},        Synonym{"remove", "delete"},      Synonym{"delete", "remove"},
    Synonym{"restart", "reboot"}, Synonym{"rm", "delete"},          Synonym{"rm", "remove"},
    Synonym{"shell", "console"},  Synonym{"status", "show"},        Synonym{"stop", "shutdown"},
    Synonym{"suspend", "pause"},  Synonym{"terminate", "poweroff"}, Synonym{"undefine", "delete"},
    Synonym{"unpause", "resume"}, Synonym{"copy", "clone"},         Synonym{"download", "export"},
    Synonym{"upload", "import"},  Synonym{"edit", "set"},
};

/// The letters to change from one word to the other, swapped neighbours counted once.
std::size_t distance(std::string_view a, std::string_view b) {
    std::vector<std::vector<std::size_t>> to(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
    for (std::size_t i = 0; i <= a.size(); i++) {
        for (std::size_t j = 0; j <= b.size(); j++) {
            if (i == 0 || j == 0) {
                to[i][j] = i + j;
                continue;
            }
            const std::size_t wrong = a[i - 1] == b[j - 1] ? 0 : 1;
            to[i][j] = std::min({to[i - 1][j] + 1, to[i][j - 1] + 1, to[i - 1][j - 1] + wrong});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                to[i][j] = std::min(to[i][j], to[i - 2][j - 2] + 1);
        }
    }
    return to[a.size()][b.size()];
}

}  // namespace

std::string nearest(std::string_view word, const std::vector<std::string>& known) {
    constexpr std::size_t long_word = 6;
    const std::size_t length = word.size() - std::min(word.size(), word.find_first_not_of('-'));
    std::size_t best = length < 3 ? 0 : length < long_word ? 1 : 2;
    std::string found;
    for (const auto& each : known) {
        // What is much longer or shorter is not near, and need not be compared.
        if (std::max(each.size(), word.size()) - std::min(each.size(), word.size()) > 2) continue;
        const auto letters = distance(word, each);
        if (letters > best || (letters == best && !found.empty())) continue;
        best = letters;
        found = each;
    }
    return found;
}

std::string guess_verb(std::string_view word, const std::vector<std::string>& verbs) {
    if (auto verb = nearest(word, verbs); !verb.empty()) return verb;
    for (const auto& [elsewhere, verb] : synonyms)
        if (elsewhere == word && std::find(verbs.begin(), verbs.end(), verb) != verbs.end()) return std::string(verb);
    return "";
}

}  // namespace virtbusctl
