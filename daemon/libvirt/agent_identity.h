// SPDX-License-Identifier: LGPL-2.1-or-later
// The machine-id of a running guest in its files, /etc/machine-id (here: etc) and /var/lib/dbus/machine-id (here:
// dbus), which its agent reads and writes in place. The agent cannot tell a link from a file. Blocks; one thread.
#pragma once

#include "libvirt/guest_agent.h"
#include "model/guest_tool.h"

namespace virtbus {

/// See Port::read_guest_identity().
GuestIdentity read_agent_identity(GuestAgent& agent);

/// See Port::change_guest_identity(). Both files are open before one is written: what can fail has failed then.
GuestIdentity change_agent_identity(GuestAgent& agent, const IdentityChange& change);

}  // namespace virtbus
