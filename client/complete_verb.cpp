// SPDX-License-Identifier: LGPL-2.1-or-later
// complete: what the shells' completion asks for, a candidate a line. Hidden: people press Tab. Without a daemon there
// are no names, and nobody is told.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <memory>

#include "completion.h"
#include "object_name.h"
#include "program.h"
#include "text.h"
#include "verbs.h"

namespace virtbusctl {

namespace {

using namespace std::chrono_literals;

/// How long somebody waits who has pressed Tab.
constexpr auto patience = 2s;
/// Tells the script to complete names of files.
constexpr int files_are_wanted = 3;

struct Request {
    std::vector<std::string> words;
    bool bash = false;
};

bool has_daemon(sdbus::IConnection& connection) {
    bool found = false;
    const auto bus = sdbus::createProxy(connection, "org.freedesktop.DBus", "/org/freedesktop/DBus");
    bus->callMethod("NameHasOwner").onInterface("org.freedesktop.DBus").withArguments(service).storeResultsTo(found);
    return found;
}

template <typename Rows, typename Name>
void add_rows(std::vector<Candidate>& names, const Rows& rows, const std::string& hypervisor, Name name) {
    for (const auto& row : rows)
        if (hypervisor.empty() || row.hypervisor == hypervisor) names.push_back(name(row));
}

std::vector<Candidate> names_of(Bus& bus, const std::string& kind, const std::string& hypervisor) {
    std::vector<Candidate> names;
    if (kind == "MACHINE")
        add_rows(names, bus.list_machines(), hypervisor, [](const Bus::MachineRow& row) {
            return Candidate{row.name, row.kind + ", " + row.state};
        });
    else if (kind == "IMAGE")
        add_rows(names, bus.list_images(), hypervisor, [](const Bus::ImageRow& row) {
            return Candidate{row.pool + "/" + row.name, row.format};
        });
    else if (kind == "POOL")
        add_rows(names, bus.list_pools(), hypervisor, [](const Bus::PoolRow& row) {
            return Candidate{row.name, row.type + ", " + row.state};
        });
    else if (kind == "NETWORK")
        add_rows(names, bus.list_networks(), hypervisor, [](const Bus::NetworkRow& row) {
            return Candidate{row.name, row.forward};
        });
    else if (kind == "HYPERVISOR")
        for (const auto& each : bus.hypervisors())
            names.push_back({short_name(each.path), text_at(each.properties, "Uri")});
    else if (kind == "JOB")
        for (const auto& [path, properties] : bus.all_properties("org.virtbus1.Job"))
            names.push_back({last_part(path), text_at(properties, "Kind") + ", " + text_at(properties, "State")});
    return names;
}

bool is_file(const std::string& value) { return value == "FILE" || value == "DIRECTORY" || value == "PATH"; }

/// Asks nobody for what no daemon knows.
std::vector<Candidate> names_from_bus(Program& program, const Completion& wanted) {
    constexpr std::array kinds{"MACHINE", "IMAGE", "POOL", "NETWORK", "HYPERVISOR", "JOB"};
    if (std::find(kinds.begin(), kinds.end(), wanted.value) == kinds.end()) return {};
    try {
        program.use(wanted.user, wanted.system, wanted.hypervisor);
        auto& connection = program.bus().connection();
        connection.setMethodCallTimeout(std::chrono::microseconds(patience).count());
        if (!has_daemon(connection)) return {};
        return names_of(program.bus(), wanted.value, wanted.hypervisor);
    } catch (const std::exception&) {
        return {};
    }
}

/// The lines of bash: what replaces the part of the word that readline takes for one.
void print_for_bash(const std::vector<Candidate>& candidates, const Completion& wanted, const ShellLine& line) {
    for (const auto& candidate : candidates) {
        const auto word = wanted.before + candidate.text;
        if (word.starts_with(line.kept)) fmt::print("{}\n", quote_for_shell(word.substr(line.kept.size()), line.quote));
    }
}

void print_for_zsh(const std::vector<Candidate>& candidates) {
    for (const auto& candidate : candidates) fmt::print("{}\t{}\n", candidate.text, candidate.description);
}

std::string text_before_cursor() {
    const char* const line = std::getenv("COMP_LINE");
    if (line == nullptr) throw UsageError("--bash wants COMP_LINE in the environment");
    return line;
}

bool print_completions(Program& program, const CLI::App& app, const Request& request) {
    auto line = ShellLine{request.words, '\0', ""};
    if (request.bash) {
        line = read_shell_line(text_before_cursor());
        line.words.erase(line.words.begin());
    }
    const auto wanted = complete(app, line.words);
    auto candidates = wanted.candidates.empty() ? names_from_bus(program, wanted) : wanted.candidates;
    std::erase_if(candidates, [&](const Candidate& each) {
        // What a terminal would not show as it is nobody types.
        return !each.text.starts_with(wanted.prefix) || printable(each.text) != each.text;
    });
    if (request.bash)
        print_for_bash(candidates, wanted, line);
    else
        print_for_zsh(candidates);
    if (is_file(wanted.value)) program.end_with(files_are_wanted);
    return true;
}

}  // namespace

void add_complete_verb(Program& program) {
    const auto request = std::make_shared<Request>();
    const auto app = std::make_shared<const CLI::App*>(nullptr);
    auto* verb = program.add_verb("", "complete", "print what may stand where the cursor is", "complete",
                                  [&program, request, app] { return print_completions(program, **app, *request); });
    *app = verb->get_parent();
    verb->add_flag("--bash", request->bash, "the command line up to the cursor is in COMP_LINE");
    verb->add_option("WORD", request->words, "after --: the words up to the cursor");
}

}  // namespace virtbusctl
