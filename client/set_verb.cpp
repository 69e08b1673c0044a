// SPDX-License-Identifier: LGPL-2.1-or-later
// set: changes settings of a machine, "memory=2G". All of them are understood before the first is made.
#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "help.h"
#include "key_values.h"
#include "program.h"
#include "text.h"
#include "units.h"
#include "verbs.h"

namespace virtbusctl {

namespace {

using Change = std::function<void(Machine&)>;

constexpr const char* keys = "memory, maximum-memory, vcpus, maximum-vcpus, autostart, title, description, tags";

/// The values by key; the maxima are no settings of their own but options of what they limit.
class Settings {
public:
    explicit Settings(const std::vector<std::string>& assignments) {
        for (const auto& assignment : assignments) {
            auto value = parse_key_value(assignment);
            for (const auto& known : values_)
                if (known.first == value.first)
                    throw UsageError(fmt::format("\"{}\" is given twice", printable(value.first)));
            values_.push_back(std::move(value));
        }
    }

    std::optional<std::string> take(const std::string& key) {
        const auto found = std::find_if(values_.begin(), values_.end(), [&](const auto& v) { return v.first == key; });
        if (found == values_.end()) return {};
        auto value = found->second;
        values_.erase(found);
        return value;
    }

    void refuse_rest() const {
        if (values_.empty()) return;
        const auto& key = values_.front().first;
        if (key == "maximum-memory" || key == "maximum-vcpus")
            throw UsageError(fmt::format("{} goes together with {}", key, key.substr(std::string("maximum-").size())));
        throw UsageError(fmt::format("there is no setting \"{}\"; there are {}", printable(key), keys));
    }

private:
    std::vector<KeyValue> values_;
};

std::optional<Change> memory_change(Settings& settings) {
    const auto memory = settings.take("memory");
    if (!memory) return {};
    Dictionary options;
    if (const auto maximum = settings.take("maximum-memory")) options["maximum"] = parse_size(*maximum);
    return [bytes = parse_size(*memory), options](Machine& machine) { machine.SetMemory(bytes, options); };
}

std::optional<Change> vcpus_change(Settings& settings) {
    const auto vcpus = settings.take("vcpus");
    if (!vcpus) return {};
    Dictionary options;
    if (const auto maximum = settings.take("maximum-vcpus")) options["maximum"] = parse_count(*maximum);
    return [count = parse_count(*vcpus), options](Machine& machine) { machine.SetVcpus(count, options); };
}

std::optional<Change> autostart_change(Settings& settings) {
    const auto autostart = settings.take("autostart");
    if (!autostart) return {};
    return [on = parse_yes_no(*autostart)](Machine& machine) { machine.SetAutostart(on, {}); };
}

std::optional<Change> title_change(Settings& settings) {
    const auto title = settings.take("title");
    if (!title) return {};
    return [text = *title](Machine& machine) { machine.SetTitle(text, {}); };
}

std::optional<Change> description_change(Settings& settings) {
    const auto description = settings.take("description");
    if (!description) return {};
    return [text = *description](Machine& machine) { machine.SetDescription(text, {}); };
}

std::optional<Change> tags_change(Settings& settings) {
    const auto tags = settings.take("tags");
    if (!tags) return {};
    return [words = parse_words(*tags)](Machine& machine) { machine.SetTags(words, {}); };
}

std::vector<Change> parse_changes(const std::vector<std::string>& assignments) {
    Settings settings(assignments);
    std::vector<Change> changes;
    for (const auto parse :
         {memory_change, vcpus_change, autostart_change, title_change, description_change, tags_change})
        if (auto change = parse(settings)) changes.push_back(std::move(*change));
    settings.refuse_rest();
    return changes;
}

struct SettingRequest {
    std::string machine;
    std::vector<std::string> assignments;
};

bool set(Program& program, const SettingRequest& request) {
    const auto changes = parse_changes(request.assignments);
    return program.attempt("change " + printable(request.machine), [&] {
        auto machine = program.machine(program.find_machine(request.machine));
        for (const auto& change : changes) change(machine);
    });
}

}  // namespace

void add_set_verb(Program& program) {
    const auto request = std::make_shared<SettingRequest>();
    auto* verb = program.add_verb("Define", "set", "change settings of a machine", "",
                                  [&program, request] { return set(program, *request); });
    verb->add_option("MACHINE", request->machine)->required();
    verb->add_option("KEY=VALUE", request->assignments)->required();
    verb->footer(std::string("Settings: ") + keys + ". " + sizes_help +
                 "\nSuch as: virtbusctl set web memory=2G vcpus=2 autostart=yes tags=prod,mail");
}

}  // namespace virtbusctl
