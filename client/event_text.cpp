// SPDX-License-Identifier: LGPL-2.1-or-later
#include "event_text.h"

#include <fmt/format.h>

#include <string_view>

#include "machine_id_text.h"
#include "object_name.h"
#include "progress.h"
#include "text.h"

namespace virtbusctl {

namespace {

bool starts_with(std::string_view text, std::string_view start) { return text.substr(0, start.size()) == start; }

/// A list of devices in a line would hide the rest of it.
std::string change_text(const std::string& name, const Json* before, const Json& now) {
    if (now.is_array() && !now.empty() && now.front().is_object()) return name;
    const auto text = value_text(name, now);
    if (before == nullptr || *before == now) return fmt::format("{} {}", name, text.empty() ? "none" : text);
    const auto old = value_text(name, *before);
    return fmt::format("{} {} → {}", name, old.empty() ? "none" : old, text.empty() ? "none" : text);
}

/// What says nothing to people, or what another line or the time before it says.
bool is_noise(std::string_view property) {
    return property == "StateSinceUSec" || property == "StateReason" || property == "Generation" ||
           property == "AddressesUSec" || property == "CurrentJob" || property == "JobCount" ||
           property == "ObservedUSec";
}

/// What goes with a change that another line or property tells.
bool is_noise_of_storage(std::string_view property) {
    return property == "ImageCount" || property == "Available" || property == "ModifiedUSec";
}

bool is_identity(const std::string& interface) {
    return interface == "org.virtbus1.MachineId" || interface == "org.virtbus1.HostMachineId";
}

bool is_job(const std::string& path) { return starts_with(path, "/org/virtbus1/job/"); }

/// "running → paused (user)": why goes with what.
std::string reason_text(const Json& changed) {
    const auto reason = text_at(changed, "StateReason");
    return reason.empty() || reason == "unknown" ? "" : fmt::format(" ({})", printable(reason));
}

constexpr std::string_view manager = "org.virtbus1.Manager.";
constexpr std::string_view machine_lifecycle = "org.virtbus1.Machine.Lifecycle";

}  // namespace

void EventText::know(const std::string& path, const Json& properties) { known_[path].update(properties); }

std::string EventText::line(const Json& event) {
    const auto signal = text_at(event, "signal");
    if (signal == "org.freedesktop.DBus.Properties.PropertiesChanged") return changed(event);
    if (signal == "org.freedesktop.DBus.ObjectManager.InterfacesAdded") return added(event);
    if (signal == "org.freedesktop.DBus.ObjectManager.InterfacesRemoved") return removed(event);
    // The manager has sent it as well; a job's beginning is the appearance of its object.
    if (signal == machine_lifecycle || signal == std::string(manager) + "JobAdded") return "";
    if (signal == std::string(manager) + "Lifecycle") return lifecycle(event);
    if (signal == std::string(manager) + "JobEnded") return job_ended(event);
    if (signal == std::string(manager) + "Resynced")
        return fmt::format("{}: listed anew", name_of(text_at(event, "hypervisor")));
    if (signal == std::string(manager) + "DuplicateMachineId") return duplicate(event);
    if (signal == std::string(manager) + "DuplicateMachineIdResolved")
        return fmt::format("machine-id {}: no duplicates any more", short_fingerprint(text_at(event, "fingerprint")));
    if (signal == "appeared") return "virtbus is on the bus";
    if (signal == "vanished") return "virtbus has left the bus";
    return fmt::format("{}: {}", name_of(text_at(event, "path")), printable(signal));
}

std::string EventText::changed(const Json& event) {
    if (is_identity(text_at(event, "interface"))) return identity_changed(event);
    const auto path = text_at(event, "path");
    const auto name = name_of(path);  // as it was called before, should this change it
    const auto& now = event["changed"];
    const auto changes = is_job(path) ? job_changes(path, now) : property_changes(path, known_[path], now);
    know(path, now);
    return changes.empty() ? "" : name + ": " + changes;
}

std::string EventText::identity_changed(const Json& event) {
    const auto path = text_at(event, "path");
    Json now = event["changed"];
    if (now.contains("Fingerprint")) now["Fingerprint"] = short_fingerprint(text_at(now, "Fingerprint"));
    auto& known = known_identities_[path];
    const auto changes = property_changes(path, known, now);
    known.update(now);
    return changes.empty() ? "" : fmt::format("{}: machine-id {}", name_of(path), changes);
}

std::string EventText::property_changes(const std::string& path, const Json& known, const Json& now) const {
    const bool of_storage = storage_name(path).has_value();
    std::string changes;
    for (const auto& [key, value] : now.items()) {
        if (is_noise(key) || (of_storage && is_noise_of_storage(key))) continue;
        const auto before = known.find(key);
        const Json old = before == known.end() ? Json() : with_names(*before);
        changes += (changes.empty() ? "" : ", ") +
                   change_text(printable(key), before == known.end() ? nullptr : &old, with_names(value));
        if (key == "State") changes += reason_text(now);
    }
    return changes.empty() && now.contains("Generation") ? "definition changed" : changes;
}

/// Only how far it is: its end is a signal of its own.
std::string EventText::job_changes(const std::string& path, const Json& now) const {
    const bool moved = now.contains("Progress") || now.contains("Processed");
    if (!moved || now.contains("State")) return "";
    Json job = known_.count(path) > 0 ? known_.at(path) : Json::object();
    job.update(now);
    return progress_text(job, {});
}

std::string EventText::job_ended(const Json& event) const {
    const auto path = text_at(event, "job");
    const auto result = printable(text_at(event, "result"));
    const Json job = known_.count(path) > 0 ? known_.at(path) : Json::object();
    const auto error = array_at(job, "Error");
    const bool failed = error.size() == 2 && error[1].is_string() && result == "failed";
    const auto outcome = text_at(job.value("Result", Json::object()), "outcome");
    std::string why = failed ? ": " + printable(error[1].get<std::string>()) : "";
    if (!outcome.empty()) why = fmt::format(" ({})", printable(outcome));
    return fmt::format("{}: {}{}", name_of(path), result, why);
}

std::string EventText::added(const Json& event) {
    const auto path = text_at(event, "object");
    bool is_news = false;
    for (const auto& [interface, properties] : event["interfaces"].items()) {
        if (is_identity(interface)) continue;  // it goes with its machine
        is_news = true;
        if (properties.is_object()) know(path, properties);
    }
    if (!is_news) return "";
    const auto& object = known_[path];
    if (storage_name(path)) return name_of(path) + " added";
    if (is_job(path))
        return fmt::format("{}: {} {}", name_of(path), printable(job_words(text_at(object, "Kind")).gerund),
                           name_of(text_at(object, "Subject")));
    const auto state = text_at(object, "State");
    return fmt::format("{}: appeared{}", name_of(path), state.empty() ? "" : ", " + printable(state));
}

std::string EventText::removed(const Json& event) {
    const auto path = text_at(event, "object");
    known_identities_.erase(path);
    const auto name = name_of(path);
    known_.erase(path);
    return storage_name(path) ? name + " removed" : name + ": gone";
}

std::string EventText::lifecycle(const Json& event) const {
    const auto detail = printable(text_at(event, "detail"));
    return fmt::format("{}: {}{}", name_of(text_at(event, "machine")), printable(text_at(event, "event")),
                       detail.empty() ? "" : " (" + detail + ")");
}

std::string EventText::duplicate(const Json& event) const {
    return fmt::format("machine-id {}: the same in {}", short_fingerprint(text_at(event, "fingerprint")),
                       value_text("", with_names(array_at(event, "objects"))));
}

/// Paths of objects, alone or in a list, become their names, and that of none the empty text.
Json EventText::with_names(const Json& value) const {
    Json result = value;
    if (value.is_array())
        for (auto& element : result) element = with_names(element);
    if (!value.is_string()) return result;
    const auto text = value.get<std::string>();
    if (text == "/") return "";
    return starts_with(text, "/org/virtbus1/") ? Json(name_of(text)) : result;
}

std::string EventText::name_of(const std::string& path) const {
    if (const auto name = kind_and_name(path); !name.empty()) return name;
    const auto object = known_.find(path);
    if (object != known_.end())
        if (const auto name = text_at(object->second, "Name"); !name.empty()) return printable(name);
    if (path == "/org/virtbus1") return "virtbus";
    if (is_job(path)) return "job " + last_part(path);
    const auto name = short_name(path);
    return printable(name == path ? last_part(path) : name);
}

}  // namespace virtbusctl
