// SPDX-License-Identifier: LGPL-2.1-or-later
// The events of one connection, for as long as this lives. libvirt calls back on its event loop's thread, and the close
// callback on any thread that happens to be in a call; all are passed on as they come. Each callback owns a share of
// the PortEvents, since libvirt may still be in one when the subscription has ended.
#pragma once

#include "model/port.h"

#include <libvirt/libvirt.h>

#include <memory>
#include <vector>

namespace virtbus {

class Subscription {
public:
    /// Registers for everything that the driver has; what it lacks is left out.
    Subscription(virConnectPtr connection, const std::shared_ptr<PortEvents>& events);
    /// Deregisters: on a living connection that asks the daemon behind it, and may block.
    ~Subscription();
    Subscription(const Subscription&) = delete;
    Subscription& operator=(const Subscription&) = delete;

private:
    virConnectPtr connection_;
    bool close_callback_ = false;
    std::vector<int> callbacks_;
};

}  // namespace virtbus
