// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libvirt/connector.h"

#include "libvirt/libvirt_port.h"

namespace virtbus {

LibvirtConnector::LibvirtConnector(const EventLoop&, std::string uri, Keepalive keepalive)
    : uri_(std::move(uri)), keepalive_(keepalive) {}

std::unique_ptr<Port> LibvirtConnector::connect(Lane lane, std::shared_ptr<PortEvents> events) {
    Opener open = [uri = uri_, keepalive = keepalive_] { return open_connection(uri, keepalive); };
    auto connection = open();
    std::unique_ptr<Subscription> subscription;
    if (lane == Lane::query && events) subscription = std::make_unique<Subscription>(connection.get(), events);
    return std::make_unique<LibvirtPort>(std::move(connection), std::move(subscription), std::move(open));
}

}  // namespace virtbus
