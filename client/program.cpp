// SPDX-License-Identifier: LGPL-2.1-or-later
#include "program.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string_view>
#include <utility>

#include "guess.h"
#include "help.h"
#include "hypervisor_text.h"
#include "text.h"

namespace virtbusctl {

namespace {

constexpr const char* footer =
    "Without a verb: list. A MACHINE is a name or a UUID. VIRTBUS_BUS=session in the environment acts as --user.\n"
    "Exit code: 0 success, 1 failure, 2 wrong usage.";

/// The verb that was chosen last, and those that lead to it: {program, image, create}.
std::vector<const CLI::App*> chosen_verbs(const CLI::App& app) {
    std::vector<const CLI::App*> chosen{&app};
    for (auto next = app.get_subcommands(); !next.empty(); next = next.front()->get_subcommands())
        chosen.push_back(next.front());
    return chosen;
}

/// Those that --help shows.
std::vector<std::string> verbs_of(const CLI::App& app) {
    std::vector<std::string> names;
    for (const auto* verb : app.get_subcommands([](const CLI::App* each) { return !each->get_group().empty(); }))
        names.push_back(verb->get_name());
    return names;
}

/// The long ones that may stand behind these verbs.
std::vector<std::string> options_of(const std::vector<const CLI::App*>& chosen) {
    std::vector<std::string> names;
    for (const auto* app : chosen)
        for (const auto* option : app->get_options())
            for (const auto& name : option->get_lnames()) names.push_back("--" + name);
    return names;
}

/// libvirt's messages begin as sentences, and stand behind a colon here. What is capitals alone is a name: "QEMU …".
std::string within_sentence(std::string text) {
    const auto is_between = [](char c, char first, char last) { return first <= c && c <= last; };
    if (text.size() > 1 && is_between(text[0], 'A', 'Z') && is_between(text[1], 'a', 'z'))
        text[0] = static_cast<char>(text[0] - 'A' + 'a');
    return text;
}

/// CLI11 says "--state: 1 required TEXT missing".
std::string in_our_words(std::string text) {
    constexpr std::string_view before = ": 1 required ";
    constexpr std::string_view after = " missing";
    const auto place = text.find(before);
    if (place == std::string::npos || !text.ends_with(after)) return text;
    text.erase(text.size() - after.size());
    return text.replace(place, before.size(), " needs a value: ");
}

std::string did_you_mean(const std::string& guess) {
    return guess.empty() ? "" : fmt::format("; did you mean \"{}\"?", guess);
}

bool is_option(std::string_view word) { return word.size() > 1 && word.front() == '-'; }

/// Not by fmt, which throws where nobody can be told.
void tell(const std::string& text) { std::fputs(text.c_str(), stderr); }

void print_error(const std::string& text) { tell(fmt::format("virtbusctl: {}\n", printable_lines(text))); }

/// Output that could not be written, such as on a full disk, is no success.
void flush_output() {
    if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) throw Failure("cannot write the output");
}

}  // namespace

Program::Program() : app_("Control virtual machines and containers through virtbus.", "virtbusctl") {
    app_.footer(footer);
    app_.require_subcommand(0, 1);
    app_.add_flag("--user", user_, "talk to the daemon on the session bus");
    app_.add_flag("--system", system_, "talk to the daemon on the system bus (default)");
    app_.add_option("-H,--hypervisor", hypervisor_, "only on this hypervisor")->type_name("HYPERVISOR");
    app_.add_flag("--json", output_.json, "print JSON");
    app_.add_flag("--no-legend", no_legend_, "print no headings");
    app_.set_version_flag("--version", "virtbusctl " VIRTBUS_VERSION, "print the version");
    app_.set_help_flag("-h,--help", "print this");
    app_.formatter(help_formatter());
}

CLI::App* Program::add_verb(const char* group, const char* name, const char* description, const char* doing,
                            Action action) {
    CLI::App* const verb = app_.add_subcommand(name, description);
    verb->group(group);
    verb->footer("");
    verb->fallthrough();  // global options may come after the verb
    if (std::string_view(name) == "list") default_action_ = action;
    if (action) verb->callback([this, doing, action = std::move(action)] { choose(doing, action); });
    return verb;
}

CLI::App* Program::add_family(const char* group, const char* name, const char* description) {
    CLI::App* const family = add_verb(group, name, description, "", {});
    family->require_subcommand(1);
    return family;
}

CLI::App* Program::add_nested_verb(CLI::App& family, const char* name, const char* description, const char* doing,
                                   Action action) {
    CLI::App* const verb = family.add_subcommand(name, description);
    verb->fallthrough();
    verb->callback([this, doing, action = std::move(action)] { choose(doing, action); });
    return verb;
}

void Program::choose(const char* doing, Action action) {
    doing_ = doing;
    action_ = std::move(action);
}

int Program::run(int argc, char** argv) {
    try {
        words_.assign(argv + 1, argv + argc);
        // As git, podman and virsh have it.
        if (!words_.empty() && words_.front() == "help") {
            words_.erase(words_.begin());
            words_.emplace_back("--help");
        }
        app_.parse(std::vector<std::string>(words_.rbegin(), words_.rend()));
        output_.legend = !no_legend_;
        const bool success = run_action();
        flush_output();
        return success ? exit_code_ : EXIT_FAILURE;
    } catch (const CLI::Success& help_or_version) {
        const int code = app_.exit(help_or_version);
        std::cout.flush();
        if (std::cout) return code;
        print_error("cannot write the output");
        return EXIT_FAILURE;
    } catch (const CLI::ParseError& error) {
        return refuse(explain_parse_error(error));
    } catch (const UsageError& error) {
        return refuse(error.what());
    } catch (const std::exception& error) {
        print_error(error.what());
        return EXIT_FAILURE;
    }
}

bool Program::run_action() {
    if (!action_) {
        action_ = default_action_;
        doing_ = "list the machines";
    }
    bool success = false;
    const bool undisturbed = attempt(doing_, [&] { success = action_(); });
    return undisturbed && success;
}

int Program::refuse(const std::string& why) const {
    print_error(why);
    std::string verbs;
    for (const auto* verb : chosen_verbs(app_))
        if (verb != &app_) verbs += verb->get_name() + " ";
    tell(fmt::format("Try \"virtbusctl {}--help\".\n", verbs));
    return 2;
}

std::string Program::explain_parse_error(const CLI::ParseError& error) const {
    const auto unknown = app_.remaining(true);
    const bool wants_verb = std::string_view(error.what()) == "A subcommand is required";
    const bool is_extra = error.get_exit_code() == static_cast<int>(CLI::ExitCodes::ExtrasError);
    const auto option = std::find_if(unknown.begin(), unknown.end(), is_option);
    const auto word = std::find_if_not(unknown.begin(), unknown.end(), is_option);
    if (word != unknown.end() && (wants_verb || (is_extra && option == unknown.end()))) return explain_word(*word);
    // It may be meant for what another error says is missing.
    if (option != unknown.end()) return explain_option(*option);
    return wants_verb ? "a verb is missing" : in_our_words(error.what());
}

std::string Program::explain_option(const std::string& word) const {
    const auto guess = nearest(word.substr(0, word.find('=')), options_of(chosen_verbs(app_)));
    return fmt::format("there is no option \"{}\" here{}", printable(word), did_you_mean(guess));
}

std::string Program::explain_word(const std::string& word) const {
    const auto place_of = [&](const std::string& text) { return std::find(words_.begin(), words_.end(), text); };
    const CLI::App* before = &app_;  // the last verb in front of it
    for (const auto* verb : chosen_verbs(app_))
        if (verb == &app_ || place_of(verb->get_name()) < place_of(word)) before = verb;
    const auto verbs = verbs_of(*before);
    if (verbs.empty()) return fmt::format("\"{}\" is one word too many", printable(word));
    return fmt::format("there is no verb \"{}\"{}", printable(word), did_you_mean(guess_verb(word, verbs)));
}

Bus& Program::bus() {
    if (!bus_) {
        bus_ = std::make_unique<Bus>(bus_kind());
        if (bus_kind() == BusKind::system && !only_looks()) agent_.emplace();
    }
    return *bus_;
}

bool Program::only_looks() const {
    const auto* verb = chosen_verbs(app_).back();
    return verb == &app_ || verb->get_name() == "list" || verb->get_name() == "monitor" ||
           verb->get_name() == "complete";
}

BusKind Program::bus_kind() const {
    if (user_ && system_) throw UsageError("--user and --system exclude each other");
    if (user_) return BusKind::session;
    if (system_) return BusKind::system;
    const char* const variable = std::getenv("VIRTBUS_BUS");
    const std::string_view kind = variable == nullptr ? "" : variable;
    if (kind == "session") return BusKind::session;
    if (kind.empty() || kind == "system") return BusKind::system;
    throw UsageError(fmt::format("VIRTBUS_BUS is \"{}\": neither session nor system", printable(kind)));
}

void Program::tell_away() {
    flush_output();
    for (const auto& [path, properties] : bus().hypervisors()) {
        const auto name = text_at(properties, "Name");
        if (flag_at(properties, "Connected") || (!hypervisor_.empty() && name != hypervisor_)) continue;
        fmt::print(stderr, "{} is away, and shown as it was: {}\n", printable(name), connection_text(properties));
    }
}

void Program::use(bool user, bool system, const std::string& hypervisor) {
    user_ = user;
    system_ = system;
    hypervisor_ = hypervisor;
}

std::string Program::find_machine(const std::string& name_or_uuid) {
    return bus().find_machine(name_or_uuid, hypervisor_);
}

bool Program::attempt(const std::string& doing, const std::function<void()>& work) {
    try {
        work();
        return true;
    } catch (const Unreachable&) {
        throw;
    } catch (const Failure& failure) {
        report(doing, failure.what());
    } catch (const sdbus::Error& error) {
        if (means_no_daemon(error)) throw Unreachable(explain_no_daemon(bus_kind()));
        report(doing, explain(error));
    }
    return false;
}

bool Program::attempt_each(const std::string& infinitive, const std::vector<std::string>& names,
                           const std::function<void(const std::string& name)>& work) {
    bool success = true;
    for (const auto& name : names)
        success = attempt(infinitive + " " + printable(name), [&] { work(name); }) && success;
    return success;
}

void Program::report(const std::string& doing, const std::string& why) {
    // The daemon's message may say already what could not be done.
    const auto text = within_sentence(why);
    const bool complete = doing.empty() || text.starts_with("cannot ");
    print_error(complete ? text : fmt::format("cannot {}: {}", doing, text));
}

}  // namespace virtbusctl
