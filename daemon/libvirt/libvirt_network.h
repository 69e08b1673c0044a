// SPDX-License-Identifier: LGPL-2.1-or-later
// The network part of the port implemented, on the connections of its LibvirtPort. Worker threads, several at once.
#pragma once

#include "libvirt/connection_pool.h"
#include "model/network_port.h"

namespace virtbus {

class LibvirtNetwork final : public NetworkPort {
public:
    explicit LibvirtNetwork(ConnectionPool& connections) : connections_(connections) {}

    std::vector<Network> list_networks() override;
    std::vector<Lease> leases(const std::string& name) override;
    std::string network_xml(const std::string& name, bool inactive) override;

    void create_network(const NetworkSpec& spec) override;
    void start_network(const std::string& name) override;
    void stop_network(const std::string& name, bool force) override;
    void delete_network(const std::string& name, bool force) override;
    void set_network_autostart(const std::string& name, bool autostart) override;

private:
    ConnectionPool& connections_;
};

}  // namespace virtbus
