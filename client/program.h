// SPDX-License-Identifier: LGPL-2.1-or-later
// What every verb has at hand: the global options, the bus, and the way to report an error. A verb registers its
// options and an action; the command line chooses the action, main() runs it.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "authentication_agent.h"
#include "bus.h"
#include "output.h"

namespace virtbusctl {

class Program {
public:
    /// Whether all that was asked for has worked.
    using Action = std::function<bool()>;

    Program();
    Program(const Program&) = delete;
    Program& operator=(const Program&) = delete;

    /// `group`: the heading in --help. `doing`: completes "cannot …" when the action throws; "" if it speaks itself.
    CLI::App* add_verb(const char* group, const char* name, const char* description, const char* doing, Action action);
    /// A verb that has verbs of its own: `image create`.
    CLI::App* add_family(const char* group, const char* name, const char* description);
    CLI::App* add_nested_verb(CLI::App& family, const char* name, const char* description, const char* doing,
                              Action action);

    /// Parses the command line and runs the verb: the exit code.
    int run(int argc, char** argv);

    [[nodiscard]] const OutputOptions& output() const { return output_; }
    [[nodiscard]] const std::string& hypervisor() const { return hypervisor_; }
    /// Connects at the first use.
    [[nodiscard]] Bus& bus();
    [[nodiscard]] std::string find_machine(const std::string& name_or_uuid);
    [[nodiscard]] Machine machine(const std::string& path) { return {bus().connection(), path}; }

    /// Says of which hypervisors a list has not all that there is, or what there was.
    void tell_away();

    /// Does the work; an error is reported as "cannot <doing>: <why>". Whether it went well.
    bool attempt(const std::string& doing, const std::function<void()>& work);
    /// Does it to each of these, also when it fails for others: "cannot <infinitive> <name>: <why>". Whether all went
    /// well.
    bool attempt_each(const std::string& infinitive, const std::vector<std::string>& names,
                      const std::function<void(const std::string& name)>& work);
    static void report(const std::string& doing, const std::string& why);
    /// What to end with instead, when the action has done what it was asked for: of `run`, the command's exit code.
    void end_with(int code) { exit_code_ = code; }

    /// As if these global options were given.
    void use(bool user, bool system, const std::string& hypervisor);

private:
    void choose(const char* doing, Action action);
    [[nodiscard]] BusKind bus_kind() const;
    /// Whether the verb asks only for what everybody may see: nobody has to wait for an agent then.
    [[nodiscard]] bool only_looks() const;
    int refuse(const std::string& why) const;
    [[nodiscard]] std::string explain_parse_error(const CLI::ParseError& error) const;
    [[nodiscard]] std::string explain_option(const std::string& word) const;
    [[nodiscard]] std::string explain_word(const std::string& word) const;
    bool run_action();

    CLI::App app_;
    std::vector<std::string> words_;  ///< the command line
    bool user_ = false;
    bool system_ = false;
    bool no_legend_ = false;
    OutputOptions output_;
    std::string hypervisor_;
    int exit_code_ = 0;
    std::string doing_;
    Action action_;
    Action default_action_;
    std::unique_ptr<Bus> bus_;
    std::optional<AuthenticationAgent> agent_;
};

}  // namespace virtbusctl
