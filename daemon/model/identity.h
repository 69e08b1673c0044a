// SPDX-License-Identifier: LGPL-2.1-or-later
// What is known of a system's machine-id: a plain value, in the words of org.virtbus1.MachineId.xml.
#pragma once

#include "model/guest_tool.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace virtbus {

/// How it was learnt.
enum class IdentitySource {
    none,
    files,  ///< of this host, or of a container
    disk,
    assigned,             ///< written to the disk and read back
    agent,                ///< said, or written and read back, by the agent in the running guest
    kernel_command_line,  ///< of the machine's definition
};

enum class Guarantee { none, claimed, verified, enforced };

std::string_view to_string(IdentitySource source);
std::optional<IdentitySource> to_identity_source(std::string_view word);
std::string_view to_string(Guarantee guarantee);

struct Identity {
    IdState state = IdState::unknown;
    DbusState dbus_state = DbusState::unknown;
    std::optional<MachineId> id;  ///< what the system runs with, or would boot with; confidential for guests
    bool consistent = false;
    IdentitySource source = IdentitySource::none;
    std::uint64_t observed = 0;  ///< microseconds since 1970
    bool stale = false;          ///< the guest has run since
    std::vector<std::string> overrides;

    bool operator==(const Identity&) const = default;
};

/// How sure it is that the system will have `id` when it runs next.
Guarantee guarantee(const Identity& identity);
/// "" when there is no id.
std::string fingerprint(const Identity& identity);

/// As it was found, or `source` assigned, just now.
Identity identity_of(const GuestIdentity& found, IdentitySource source);
Identity identity_of(const IdentityReading& reading);

}  // namespace virtbus
