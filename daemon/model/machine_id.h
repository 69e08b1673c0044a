// SPDX-License-Identifier: LGPL-2.1-or-later
// A machine-id, machine-id(5), and what the programs that read one make of a file's content. Three parsers disagree:
// libdbus's is lenient, systemd's (sd-id128) strict, GLib's the strictest. Plain values and pure functions.
#pragma once

#include "base/uuid.h"

#include <compare>
#include <optional>
#include <string>
#include <string_view>

namespace virtbus {

class MachineId {
public:
    explicit MachineId(const Uuid& value) : value_(value) {}

    /// Reads 32 hexadecimal digits of any case, with the dashes of a UUID or without. Nothing for zeros: not an id.
    static std::optional<MachineId> parse(std::string_view text);
    /// A new random one, of RFC 4122 version 4 as systemd's.
    static MachineId random() { return MachineId(Uuid::random()); }

    /// 32 lower-case digits.
    [[nodiscard]] std::string text() const;
    [[nodiscard]] const Uuid& value() const { return value_; }

    friend auto operator<=>(const MachineId&, const MachineId&) = default;

private:
    Uuid value_;
};

/// What may be shown of an id to everybody, since the id itself is confidential, machine-id(5): 32 digits that tell
/// only whether two ids are the same. As sd_id128_get_machine_app_specific(3): HMAC-SHA256 with the id as the key.
std::string fingerprint(const MachineId& id);

/// sd_id128_get_machine_app_specific(3) of any id: another id that belongs to `app`, and does not tell the first.
Uuid app_specific(const MachineId& id, const Uuid& app);

enum class IdState {
    valid,          ///< 32 lower-case digits and a newline: all three parsers take it
    non_canonical,  ///< upper case or no newline: systemd takes it, another does not
    null,           ///< zeros: no id, and systemd boots without one
    empty,          ///< systemd fills it at the next boot
    uninitialized,  ///< the word: a first boot is to come
    missing,
    invalid,
    unknown,  ///< nobody has looked
};

std::string_view to_string(IdState state);
std::optional<IdState> to_id_state(std::string_view word);

/// What is in a file that should hold an id.
struct IdContent {
    IdState state = IdState::unknown;
    std::optional<MachineId> systemd;  ///< what sd_id128_get_machine(3) would return
    std::optional<MachineId> dbus;     ///< what libdbus would: it strips blanks, takes zeros, and 31 digits and rubbish
    std::optional<MachineId> glib;     ///< what g_dbus_* would
    std::string dbus_error;            ///< why libdbus takes it not, in dbus-uuidgen's words without the file's name
};

/// Of the content of a regular file, at most 1 MiB of it.
IdContent classify(std::string_view content);

}  // namespace virtbus
