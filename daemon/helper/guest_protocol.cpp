// SPDX-License-Identifier: LGPL-2.1-or-later
#include "helper/guest_protocol.h"

#include "helper/protocol.h"

namespace virtbus {

namespace {

nlohmann::json text_of(const std::optional<MachineId>& id) { return id ? nlohmann::json(id->text()) : nullptr; }

std::optional<MachineId> id_from(const nlohmann::json& value) {
    if (value.is_null()) return std::nullopt;
    const auto id = MachineId::parse(value.get<std::string>());
    if (!id) throw Error(Code::invalid_args, "A machine-id has 32 hexadecimal digits, not all of them 0");
    return id;
}

}  // namespace

void to_json(nlohmann::json& value, const GuestSystem& system) {
    value = {{"disks", system.disks}, {"root", system.root}};
}

void from_json(const nlohmann::json& value, GuestSystem& system) {
    value.at("disks").get_to(system.disks);
    value.at("root").get_to(system.root);
}

void to_json(nlohmann::json& value, const IdentityChange& change) {
    value = {{"kind", change.kind == IdentityChange::Kind::seal ? "seal" : "assign"},
             {"id", text_of(change.id)},
             {"uninitialized", change.uninitialized},
             {"boot_entries", change.boot_entries},
             {"hostname", change.hostname ? nlohmann::json(*change.hostname) : nullptr},
             {"expected", text_of(change.expected)}};
}

void from_json(const nlohmann::json& value, IdentityChange& change) {
    const auto kind = value.at("kind").get<std::string>();
    if (kind != "assign" && kind != "seal") throw Error(Code::invalid_args, "There is no change \"" + kind + "\"");
    change.kind = kind == "seal" ? IdentityChange::Kind::seal : IdentityChange::Kind::assign;
    change.id = id_from(value.at("id"));
    value.at("uninitialized").get_to(change.uninitialized);
    value.at("boot_entries").get_to(change.boot_entries);
    if (!value.at("hostname").is_null()) change.hostname = value.at("hostname").get<std::string>();
    change.expected = id_from(value.at("expected"));
}

void to_json(nlohmann::json& value, const GuestIdentity& identity) {
    value = {{"state", to_string(identity.state)}, {"dbus_state", to_string(identity.dbus_state)},
             {"id", text_of(identity.id)},         {"consistent", identity.consistent},
             {"overrides", identity.overrides},    {"operating_system", identity.operating_system},
             {"hostname", identity.hostname}};
}

void from_json(const nlohmann::json& value, GuestIdentity& identity) {
    identity.state = to_id_state(value.at("state").get<std::string>()).value_or(IdState::unknown);
    identity.dbus_state = to_dbus_state(value.at("dbus_state").get<std::string>()).value_or(DbusState::unknown);
    identity.id = id_from(value.at("id"));
    value.at("consistent").get_to(identity.consistent);
    value.at("overrides").get_to(identity.overrides);
    value.at("operating_system").get_to(identity.operating_system);
    value.at("hostname").get_to(identity.hostname);
}

}  // namespace virtbus
