// SPDX-License-Identifier: LGPL-2.1-or-later
#include "completion.h"

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <string_view>

namespace virtbusctl {

namespace {

bool is_hidden(const CLI::App& verb) { return verb.get_group().empty(); }
bool is_hidden(const CLI::Option& option) { return option.get_group().empty(); }

/// The way that the words before the cursor take through the verbs.
class Walk {
public:
    explicit Walk(const CLI::App& program) : verb_(&program) {}

    void take(const std::string& word) {
        if (waiting_ != nullptr)
            note(*waiting_, word), waiting_ = nullptr;
        else if (only_values_)
            ++values_;
        else if (word == "--")
            only_values_ = true;
        else if (word.size() > 1 && word.front() == '-')
            take_option(word);
        else if (const auto* next = verb_named(word))
            verb_ = next;
        else
            ++values_;
    }

    [[nodiscard]] Completion at(const std::string& word) const {
        Completion result = found_;
        result.prefix = word;
        const auto equals = word.find('=');
        if (waiting_ != nullptr) {
            result.value = waiting_->get_type_name();
        } else if (!only_values_ && word.starts_with("--") && equals != std::string::npos) {
            const auto* option = option_named(word.substr(0, equals));
            result.before = word.substr(0, equals + 1);
            result.prefix = word.substr(equals + 1);
            result.value = option == nullptr ? "" : option->get_type_name();
        } else if (!only_values_ && word.starts_with('-')) {
            result.candidates = options();
        } else {
            result.candidates = only_values_ ? std::vector<Candidate>() : verbs();
            if (result.candidates.empty()) result.value = positional();
        }
        return result;
    }

private:
    void take_option(const std::string& word) {
        const auto equals = word.find('=');
        const auto* option = option_named(word.substr(0, equals));
        if (option == nullptr) return;
        if (equals != std::string::npos)
            note(*option, word.substr(equals + 1));
        else if (option->get_items_expected_max() == 0)
            note(*option, "");
        else
            waiting_ = option;
    }

    void note(const CLI::Option& option, const std::string& value) {
        if (option.check_lname("user")) found_.user = true;
        if (option.check_lname("system")) found_.system = true;
        if (option.check_lname("hypervisor")) found_.hypervisor = value;
    }

    /// Of the verb, or of all: those may come after it.
    [[nodiscard]] const CLI::Option* option_named(const std::string& name) const {
        for (const auto* app = verb_; app != nullptr; app = app->get_parent())
            if (const auto* option = app->get_option_no_throw(name)) return option;
        return nullptr;
    }

    [[nodiscard]] const CLI::App* verb_named(const std::string& name) const {
        const auto found = verb_->get_subcommands([&](const CLI::App* each) { return each->check_name(name); });
        return values_ > 0 || found.empty() ? nullptr : found.front();
    }

    [[nodiscard]] std::vector<Candidate> verbs() const {
        std::vector<Candidate> all;
        for (const auto* verb : verb_->get_subcommands([](const CLI::App* each) { return !is_hidden(*each); }))
            all.push_back({verb->get_name(), verb->get_description()});
        return all;
    }

    [[nodiscard]] std::vector<Candidate> options() const {
        std::vector<Candidate> all;
        for (const auto* app = verb_; app != nullptr; app = app->get_parent())
            for (const auto* option : app->get_options()) {
                const bool known = std::any_of(all.begin(), all.end(), [&](const Candidate& each) {
                    return option->check_lname(each.text.substr(2));
                });
                if (!option->get_lnames().empty() && !is_hidden(*option) && !known)
                    all.push_back({"--" + option->get_lnames().front(), option->get_description()});
            }
        return all;
    }

    /// What the next value is; the last may be there several times.
    [[nodiscard]] std::string positional() const {
        std::size_t passed = 0;
        for (const auto* option : verb_->get_options([](const CLI::Option* each) { return each->get_positional(); })) {
            passed += static_cast<std::size_t>(std::min(option->get_items_expected_max(), 1'000));
            if (values_ < passed) return option->get_name();
        }
        return "";
    }

    const CLI::App* verb_;
    const CLI::Option* waiting_ = nullptr;  ///< for its value
    bool only_values_ = false;              ///< after "--"
    std::size_t values_ = 0;
    Completion found_;
};

/// readline's, of bash: what may be part of our words.
constexpr std::string_view word_breaks = "=:";
constexpr std::string_view blanks = " \t\n";

}  // namespace

Completion complete(const CLI::App& program, const std::vector<std::string>& words) {
    Walk walk(program);
    for (std::size_t i = 0; i + 1 < words.size(); ++i) walk.take(words[i]);
    return walk.at(words.empty() ? "" : words.back());
}

ShellLine read_shell_line(std::string_view line) {
    ShellLine result;
    result.words.emplace_back();
    bool in_word = false;
    for (std::size_t i = 0; i < line.size(); ++i) {
        const char c = line[i];
        auto& word = result.words.back();
        if (result.quote == '\0' && blanks.find(c) != std::string_view::npos) {
            if (in_word) result.words.emplace_back();
            in_word = false;
            result.kept.clear();
            continue;
        }
        in_word = true;
        if (c == result.quote) {
            result.quote = '\0';
        } else if (result.quote == '\0' && (c == '"' || c == '\'')) {
            result.quote = c;
            result.kept = word;  // readline replaces what follows the quote
        } else if (c == '\\' && result.quote != '\'' && i + 1 < line.size()) {
            word += line[++i];
        } else {
            word += c;
            if (result.quote == '\0' && word_breaks.find(c) != std::string_view::npos) result.kept = word;
        }
    }
    return result;
}

std::string quote_for_shell(std::string_view text, char quote) {
    // In double quotes these four mean something; without quotes all but what is surely a part of a word.
    constexpr std::string_view in_double = "\"$`\\";
    constexpr std::string_view plain = "-_./@%+,:=";
    std::string result;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        const bool is_letter = byte >= 0x80 || std::isalnum(byte) != 0;
        if (quote == '\'' && c == '\'')
            result += "'\\'";
        else if (quote == '"' ? in_double.find(c) != std::string_view::npos
                              : quote == '\0' && !is_letter && plain.find(c) == std::string_view::npos)
            result += '\\';
        result += c;
    }
    return result;
}

}  // namespace virtbusctl
