// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/identity.h"

#include "base/clock.h"

namespace virtbus {

std::string_view to_string(IdentitySource source) {
    switch (source) {
        case IdentitySource::none: return "";
        case IdentitySource::files: return "files";
        case IdentitySource::disk: return "disk";
        case IdentitySource::assigned: return "assigned";
        case IdentitySource::agent: return "agent";
        case IdentitySource::kernel_command_line: return "kernel-command-line";
    }
    return "";
}

std::optional<IdentitySource> to_identity_source(std::string_view word) {
    for (const auto source : {IdentitySource::none, IdentitySource::files, IdentitySource::disk,
                              IdentitySource::assigned, IdentitySource::agent, IdentitySource::kernel_command_line})
        if (word == to_string(source)) return source;
    return std::nullopt;
}

std::string_view to_string(Guarantee guarantee) {
    switch (guarantee) {
        case Guarantee::none: return "none";
        case Guarantee::claimed: return "claimed";
        case Guarantee::verified: return "verified";
        case Guarantee::enforced: return "enforced";
    }
    return "";
}

Guarantee guarantee(const Identity& identity) {
    if (!identity.id) return Guarantee::none;
    if (identity.source == IdentitySource::kernel_command_line) return Guarantee::enforced;
    // A guest runs on after its agent has said something, and may say what it likes.
    const bool is_claim = identity.stale || identity.source == IdentitySource::agent;
    return is_claim ? Guarantee::claimed : Guarantee::verified;
}

std::string fingerprint(const Identity& identity) { return identity.id ? fingerprint(*identity.id) : std::string(); }

Identity identity_of(const GuestIdentity& found, IdentitySource source) {
    return {found.state, found.dbus_state, found.id, found.consistent, source, now_usec(), false, found.overrides};
}

Identity identity_of(const IdentityReading& reading) {
    return {reading.etc.state,     reading.dbus_state, reading.id, reading.consistent,
            IdentitySource::files, now_usec(),         false,      reading.obstacles};
}

}  // namespace virtbus
