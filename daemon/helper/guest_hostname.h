// SPDX-License-Identifier: LGPL-2.1-or-later
// A guest's name for itself, hostname(5). One thread.
#pragma once

#include "helper/guest_changes.h"

#include <string>
#include <string_view>

namespace virtbus {

/// "" if it has none.
std::string read_hostname(GuestFiles& files);

/// In /etc/hostname, and where the line of 127.0.1.1 in /etc/hosts names the old one, there.
void change_hostname(GuestFiles& files, GuestChanges& changes, const std::string& name);

/// The text of /etc/hosts with another name in the lines of 127.0.1.1, where they name the old one.
std::string rename_in_hosts(std::string_view text, std::string_view from, std::string_view to);

}  // namespace virtbus
