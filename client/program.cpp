// SPDX-License-Identifier: LGPL-2.1-or-later
#include "program.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <utility>

#include "help.h"
#include "text.h"

namespace virtbusctl {

namespace {

constexpr const char* footer =
    "Without a verb: list. A MACHINE is a name or a UUID. VIRTBUS_BUS=session in the environment acts as --user.\n"
    "Exit code: 0 success, 1 failure, 2 wrong usage.";

/// Whether the command line stops at something that wants a verb.
bool verb_is_missing(const CLI::App& app) {
    const auto chosen = app.get_subcommands();
    return chosen.empty() ? !app.get_subcommands([](const CLI::App*) { return true; }).empty()
                          : verb_is_missing(*chosen.front());
}

void print_error(const std::string& text) { fmt::print(stderr, "virtbusctl: {}\n", printable_lines(text)); }

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
        app_.parse(argc, argv);
        output_.legend = !no_legend_;
        const bool success = run_action();
        // Output that could not be written, such as on a full disk, is no success.
        if (std::fflush(stdout) != 0) throw Failure("cannot write the output");
        return success ? exit_code_ : EXIT_FAILURE;
    } catch (const CLI::Success& help_or_version) {
        return app_.exit(help_or_version);
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
    const auto verbs = app_.get_subcommands();
    const std::string verb = verbs.empty() ? "" : verbs.front()->get_name() + " ";
    fmt::print(stderr, "Try \"virtbusctl {}--help\".\n", verb);
    return 2;
}

std::string Program::explain_parse_error(const CLI::ParseError& error) const {
    const auto unknown = app_.remaining(true);
    const bool wants_verb = std::string_view(error.what()) == "A subcommand is required";
    const bool is_extra = error.get_exit_code() == static_cast<int>(CLI::ExitCodes::ExtrasError);
    if (unknown.empty() || !(is_extra || wants_verb)) return wants_verb ? "a verb is missing" : error.what();
    const auto& word = unknown.front();
    if (word.substr(0, 1) == "-") return fmt::format("there is no option \"{}\" here", printable(word));
    // With a verb behind it, it stands where a verb was meant.
    const auto place_of = [&](const std::string& text) { return std::find(words_.begin(), words_.end(), text); };
    if (verb_is_missing(app_) || place_of(word) < place_of(app_.get_subcommands().front()->get_name()))
        return fmt::format("there is no verb \"{}\"", printable(word));
    return fmt::format("\"{}\" is one word too many", printable(word));
}

Bus& Program::bus() {
    if (!bus_) {
        bus_ = std::make_unique<Bus>(bus_kind());
        if (bus_kind() == BusKind::system && !only_looks()) agent_.emplace();
    }
    return *bus_;
}

bool Program::only_looks() const {
    const auto* verb = &app_;
    while (!verb->get_subcommands().empty()) verb = verb->get_subcommands().front();
    return verb == &app_ || verb->get_name() == "list" || verb->get_name() == "monitor" || verb->get_name() == "complete";
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
    const bool complete = doing.empty() || why.substr(0, 7) == "Cannot " || why.substr(0, 7) == "cannot ";
    print_error(complete ? fmt::format("{}{}", why.substr(0, 1) == "C" ? "c" : why.substr(0, 1), why.substr(1))
                         : fmt::format("cannot {}: {}", doing, why));
}

}  // namespace virtbusctl
