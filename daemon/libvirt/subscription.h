// SPDX-License-Identifier: LGPL-2.1-or-later
// What a port's connections tell, for as long as this lives. libvirt calls back on its event loop's thread, and the
// close callback on any thread that happens to be in a call; all are passed on as they come. Each callback owns a share
// of the PortEvents, since libvirt may still be in one when the subscription has ended.
#pragma once

#include "libvirt/connection_pool.h"
#include "model/port.h"

#include <memory>
#include <string_view>
#include <vector>

namespace virtbus {

class Subscription {
public:
    /// Tells when the first of `connections` is lost and, if `objects`, what happens to machines, pools and networks,
    /// as far as the driver has events for it.
    Subscription(const ConnectionPool& connections, std::shared_ptr<PortEvents> events, bool objects);
    /// Deregisters: on a living connection that asks the daemon behind it, and may block.
    ~Subscription();
    Subscription(const Subscription&) = delete;
    Subscription& operator=(const Subscription&) = delete;

    /// Whether the driver tells what happens to machines.
    [[nodiscard]] bool has_lifecycle() const { return has_lifecycle_; }

private:
    void register_close(virConnectPtr connection);
    void register_domains(virConnectPtr connection);
    void register_pools(virConnectPtr connection);
    void register_networks(virConnectPtr connection);
    /// Keeps what `add(share)` registered, or says that it could not; whether it could.
    template <typename Add>
    bool register_one(std::vector<int>& callbacks, std::string_view what, Add add);

    std::shared_ptr<PortEvents> events_;
    std::vector<virConnectPtr> watched_;  // those with our close callback
    bool has_lifecycle_ = false;
    virConnectPtr source_ = nullptr;  // whose events we have
    std::vector<int> callbacks_;
    std::vector<int> pool_callbacks_;
    std::vector<int> network_callbacks_;
};

}  // namespace virtbus
