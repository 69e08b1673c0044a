// SPDX-License-Identifier: LGPL-2.1-or-later
// Connects to libvirt. Any thread; connecting may block for long. Once the connection stands,
// keepalive ends the waiting for a daemon that has stopped answering.
#pragma once

#include "libvirt/connection.h"
#include "libvirt/event_loop.h"
#include "model/port.h"

#include <memory>
#include <string>

namespace virtbus {

class LibvirtConnector : public Connector {
public:
    /// `loop` is only asked for as proof that it runs: libvirt needs it before the first connection.
    LibvirtConnector(const EventLoop& loop, std::string uri, Keepalive keepalive = {},
                     CredentialsSource credentials = {});

    /// Errors: as open_connection.
    std::unique_ptr<Port> connect(Lane lane, std::shared_ptr<PortEvents> events) override;

private:
    std::string uri_;
    Keepalive keepalive_;
    CredentialsSource credentials_;
};

}  // namespace virtbus
