// SPDX-License-Identifier: LGPL-2.1-or-later
// The part of the port that is about networks; everything in port.h about threads and errors holds here too.
#pragma once

#include "model/network.h"
#include "model/network_spec.h"

#include <string>
#include <vector>

namespace virtbus {

class NetworkPort {
public:
    virtual ~NetworkPort() = default;

    /// All networks. One that cannot be read is left out and logged; of a driver without networks there are none.
    virtual std::vector<Network> list_networks() = 0;
    virtual std::vector<Lease> leases(const std::string& name) = 0;
    /// `inactive`: the definition instead of what runs.
    virtual std::string network_xml(const std::string& name, bool inactive) = 0;

    /// Defines it, and starts it if the spec says so; when that fails nothing stays.
    virtual void create_network(const NetworkSpec& spec) = 0;
    /// in_use when something else on the host has its subnet or its bridge.
    virtual void start_network(const std::string& name) = 0;
    /// in_use while interfaces are on it, whoever's, unless it is to be stopped by `force`.
    virtual void stop_network(const std::string& name, bool force) = 0;
    /// Stops it likewise, and removes its definition.
    virtual void delete_network(const std::string& name, bool force) = 0;
    virtual void set_network_autostart(const std::string& name, bool autostart) = 0;
};

}  // namespace virtbus
