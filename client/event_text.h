// SPDX-License-Identifier: LGPL-2.1-or-later
// An event of `monitor` in a line for people: "web: State running → paused". It remembers what it has seen, to say
// what a value was before and to call things by name.
#pragma once

#include <map>
#include <string>

#include "values.h"

namespace virtbusctl {

class EventText {
public:
    /// What is known about an object before its first event.
    void know(const std::string& path, const Json& properties);

    /// "" for an event that says nothing to people, or what another one tells. `event`: as `monitor --json` prints it.
    [[nodiscard]] std::string line(const Json& event);

private:
    std::string changed(const Json& event);
    std::string identity_changed(const Json& event);
    /// `known`: the properties as they were.
    [[nodiscard]] std::string property_changes(const std::string& path, const Json& known, const Json& now) const;
    [[nodiscard]] std::string job_changes(const std::string& path, const Json& now) const;
    [[nodiscard]] std::string job_ended(const Json& event) const;
    std::string added(const Json& event);
    std::string removed(const Json& event);
    [[nodiscard]] std::string lifecycle(const Json& event) const;
    [[nodiscard]] std::string duplicate(const Json& event) const;
    [[nodiscard]] std::string name_of(const std::string& path) const;
    [[nodiscard]] Json with_names(const Json& value) const;

    std::map<std::string, Json> known_;
    /// Of machine-ids: they are beside machines, at the same paths, and have states of their own.
    std::map<std::string, Json> known_identities_;
};

}  // namespace virtbusctl
