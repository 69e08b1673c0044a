// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libvirt/connector.h"

#include "libvirt/libvirt_port.h"

namespace virtbus {

namespace {

/// How many calls a lane can serve at once.
std::size_t connections_of(Lane lane) {
    switch (lane) {
        case Lane::query: return 2;
        case Lane::work: return 4;
        case Lane::control: return 2;
        case Lane::transfer: return 4;
        case Lane::agent: return 2;
    }
    return 1;
}

}  // namespace

LibvirtConnector::LibvirtConnector(const EventLoop&, std::string uri, Keepalive keepalive,
                                   CredentialsSource credentials)
    : uri_(std::move(uri)), keepalive_(keepalive), credentials_(std::move(credentials)) {}

std::unique_ptr<Port> LibvirtConnector::connect(Lane lane, std::shared_ptr<PortEvents> events) {
    Opener open = [uri = uri_, keepalive = keepalive_, credentials = credentials_] {
        return open_connection(uri, keepalive, credentials);
    };
    auto connections = std::make_unique<ConnectionPool>(open, connections_of(lane));
    std::unique_ptr<Subscription> subscription;
    if (events) subscription = std::make_unique<Subscription>(*connections, std::move(events), lane == Lane::query);
    return std::make_unique<LibvirtPort>(std::move(connections), std::move(subscription), std::move(open));
}

}  // namespace virtbus
