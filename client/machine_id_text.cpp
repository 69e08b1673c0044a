// SPDX-License-Identifier: LGPL-2.1-or-later
#include "machine_id_text.h"

#include <fmt/format.h>

#include <chrono>

#include "object_name.h"
#include "text.h"
#include "units.h"

namespace virtbusctl {

namespace {

constexpr std::size_t short_size = 12;

/// "3 min 5 s ago"; "" for never.
std::string age_text(std::uint64_t observed, std::uint64_t now) {
    if (observed == 0) return "";
    const auto age = now > observed ? now - observed : 0;
    return duration_text(std::chrono::microseconds(static_cast<std::int64_t>(age))) + " ago";
}

std::string observed_text(const Json& identity, std::uint64_t now) {
    const auto observed = number_at(identity, "ObservedUSec");
    if (observed == 0) return "";
    return fmt::format("{}, {}{}", time_text(observed), age_text(observed, now),
                       flag_at(identity, "Stale") ? "; it may be another by now" : "");
}

/// "" when nobody has looked: there is nothing to agree on.
std::string flag_text(const Json& identity, const char* key) {
    const bool is_told = identity.contains(key) && text_at(identity, "State") != "unknown";
    return is_told ? value_text(key, identity[key]) : "";
}

std::string lines_with(const Json& list) {
    std::string text;
    for (const auto& element : list) text += (text.empty() ? "" : "\n") + value_text("", element);
    return text;
}

Json group_names(const Json& group) { return group.size() == 2 && group[1].is_array() ? group[1] : Json::array(); }

std::string group_title(const Json& group) {
    return group.size() == 2 && group[0].is_string() ? group[0].get<std::string>() : "";
}

}  // namespace

Labels machine_labels(const std::vector<Bus::MachineRow>& machines) {
    std::map<std::string, int> counts;
    for (const auto& machine : machines) counts[machine.name]++;
    Labels labels;
    for (const auto& machine : machines)
        labels[machine.path] = counts[machine.name] == 1 ? machine.name : machine.name + " on " + machine.hypervisor;
    return labels;
}

std::string names_of(const Json& paths, const Labels& labels) {
    std::string text;
    for (const auto& path : paths)
        if (path.is_string())
            text += (text.empty() ? "" : ", ") + printable(subject_name(labels, path.get<std::string>()));
    return text;
}

std::string short_fingerprint(const std::string& fingerprint) { return printable(fingerprint.substr(0, short_size)); }

std::string identity_text(const IdentityView& view, const Labels& labels, std::uint64_t now) {
    const auto& identity = view.identity;
    Block block;
    block.add("Name", printable(view.name));
    block.add("Hypervisor", printable(view.hypervisor));
    block.add("Subject", shown(identity, "Subject"));
    block.add("Machine-id", shown(identity, "Id"));
    block.add("State", shown(identity, "State"));
    block.add("D-Bus state", shown(identity, "DbusState"));
    block.add("Consistent", flag_text(identity, "Consistent"));
    block.add("Fingerprint", shown(identity, "Fingerprint"));
    block.add("Duplicates", names_of(array_at(identity, "Duplicates"), labels));
    block.add("Guarantee", shown(identity, "Guarantee"));
    block.add("Source", shown(identity, "Source"));
    block.add("Observed", observed_text(identity, now));
    block.add("Overrides", lines_with(array_at(identity, "Overrides")));
    block.add("Id for systemd", shown(identity, "EtcId"));
    block.add("Id for D-Bus", shown(identity, "DbusId"));
    block.add("Reboot required", flag_text(identity, "RebootRequired"));
    return block.text();
}

std::string identity_line(const Json& identity, const Labels& labels) {
    const auto fingerprint = short_fingerprint(text_at(identity, "Fingerprint"));
    auto text = shown(identity, "State");
    if (fingerprint.empty()) return text;
    text += fmt::format(", fingerprint {}, {}", fingerprint, shown(identity, "Guarantee"));
    const auto others = names_of(array_at(identity, "Duplicates"), labels);
    return others.empty() ? text : text + ", the same as of " + others;
}

std::vector<Column> identity_columns(const Column& hypervisor) {
    return {{"NAME", "name", Column::Fit::cut},
            hypervisor,
            {"SUBJECT", "subject", Column::Fit::only_json},
            {"STATE", "state"},
            {"FINGERPRINT", "fingerprint"},
            {"GUARANTEE", "guarantee"},
            {"OBSERVED", "observed_usec", Column::Fit::right},
            {"DUPLICATES", "duplicates", Column::Fit::cut},
            {"PATH", "path", Column::Fit::only_json}};
}

std::vector<Cell> identity_row(const IdentityView& view, const Labels& labels, std::uint64_t now) {
    const auto& identity = view.identity;
    const auto cell = [&](const char* key) { return text_cell(text_at(identity, key)); };
    const auto fingerprint = text_at(identity, "Fingerprint");
    const auto observed = number_at(identity, "ObservedUSec");
    const auto duplicates = array_at(identity, "Duplicates");
    return {text_cell(view.name),
            text_cell(view.hypervisor),
            cell("Subject"),
            cell("State"),
            {short_fingerprint(fingerprint), fingerprint},
            cell("Guarantee"),
            {age_text(observed, now), observed},
            {names_of(duplicates, labels), duplicates},
            text_cell(view.path)};
}

std::vector<Column> group_columns() { return {{"FINGERPRINT", "fingerprint"}, {"MACHINES", "objects"}}; }

std::vector<Cell> group_row(const Json& group, const Labels& labels) {
    const auto fingerprint = group_title(group);
    const auto objects = group_names(group);
    return {{short_fingerprint(fingerprint), fingerprint}, {names_of(objects, labels), objects}};
}

std::string unread_text(const Json& unread, const Labels& labels) {
    std::string text;
    for (const auto& group : unread)
        text += fmt::format("  {}: {}\n", names_of(group_names(group), labels),
                            printable_lines(group_title(group), "    "));
    return text.empty() ? "" : "Not read:\n" + text;
}

Json audit_json(const Json& result) {
    Json json = {{"groups", Json::array()}, {"unread", Json::array()}};
    for (const auto& group : array_at(result, "groups"))
        json["groups"].push_back({{"fingerprint", group_title(group)}, {"objects", group_names(group)}});
    for (const auto& group : array_at(result, "unread"))
        json["unread"].push_back({{"reason", group_title(group)}, {"objects", group_names(group)}});
    return json;
}

std::string consequences_text(const std::vector<std::pair<std::string, std::string>>& consequences) {
    Block block;
    for (const auto& [word, sentence] : consequences) block.add("  " + printable(word), printable(sentence));
    return consequences.empty() ? "" : "With another machine-id of this host:\n" + block.text();
}

std::string clone_text(const std::string& name, const std::string& machine_id, const std::string& fingerprint) {
    if (!fingerprint.empty())
        return fmt::format("{}: machine-id with fingerprint {}", printable(name), short_fingerprint(fingerprint));
    if (machine_id == "seal") return printable(name) + ": makes a machine-id of its own at its first boot";
    return printable(name) + ": machine-id not known";
}

}  // namespace virtbusctl
