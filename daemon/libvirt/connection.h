// SPDX-License-Identifier: LGPL-2.1-or-later
// Opening a libvirt connection. Any thread; may block for long.
#pragma once

#include "libvirt/credentials.h"
#include "libvirt/handle.h"

#include <functional>
#include <string>

namespace virtbus {

/// After `count` unanswered pings, one each `interval` seconds, a connection is dead.
struct Keepalive {
    int interval = 5;
    unsigned count = 3;
};

struct OpenedConnection {
    ConnectionHandle handle;
    bool can_be_lost = true;  ///< false for libvirt's drivers inside this process
};

/// Error access_denied when libvirt refuses us or the credentials may not be used, not_supported for a URI that it
/// doesn't know, else disconnected.
OpenedConnection open_connection(const std::string& uri, Keepalive keepalive, const CredentialsSource& credentials);

/// Opens another connection to the same hypervisor.
using Opener = std::function<OpenedConnection()>;

}  // namespace virtbus
