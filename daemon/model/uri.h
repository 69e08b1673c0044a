// SPDX-License-Identifier: LGPL-2.1-or-later
// libvirt URIs: as people may see them, and which of them a caller may name.
#pragma once

#include <string>
#include <string_view>

namespace virtbus {

/// `uri` without user, password and query: what may stand in properties, logs and errors.
std::string public_uri(std::string_view uri);

/// `text`, which somebody has made who knew `uri`, without its password and the values of its query.
std::string without_secrets(std::string text, std::string_view uri);

/// The host that `uri` names; "" for this one.
std::string host_of_uri(std::string_view uri);

/// Whether the hypervisor behind `uri` is on this host, as far as the URI tells: it names no other.
bool is_local_uri(std::string_view uri);

/// Whether two names are those of one host, with its domain or without.
bool is_same_host(std::string_view name, std::string_view other);

/// Whether `uri` is that of a user's own daemon.
bool is_session_uri(std::string_view uri);

/// Error invalid_args for a URI that a caller may not name: an unknown driver, and whatever makes libvirt run programs
/// or read files of the caller's choice, or trust a server less. The configuration may.
void check_callers_uri(const std::string& uri);

}  // namespace virtbus
