// SPDX-License-Identifier: LGPL-2.1-or-later
// What a port's connections tell, for as long as this lives. libvirt calls back on its event loop's thread, and the
// close callback on any thread that happens to be in a call; all are passed on as they come. Each callback owns a share
// of the PortEvents, since libvirt may still be in one when the subscription has ended.
#pragma once

#include "libvirt/connection_pool.h"
#include "model/port.h"

#include <memory>
#include <vector>

namespace virtbus {

class Subscription {
public:
    /// Tells when the first of `connections` is lost and, if `domains`, what happens to machines, as far as the driver
    /// has events for it.
    Subscription(const ConnectionPool& connections, std::shared_ptr<PortEvents> events, bool domains);
    /// Deregisters: on a living connection that asks the daemon behind it, and may block.
    ~Subscription();
    Subscription(const Subscription&) = delete;
    Subscription& operator=(const Subscription&) = delete;

private:
    void register_close(virConnectPtr connection);
    void register_domains(virConnectPtr connection);

    std::shared_ptr<PortEvents> events_;
    std::vector<virConnectPtr> watched_;  // those with our close callback
    virConnectPtr source_ = nullptr;      // whose events we have
    std::vector<int> callbacks_;
};

}  // namespace virtbus
