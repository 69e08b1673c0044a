// SPDX-License-Identifier: LGPL-2.1-or-later
// The networks of the fake hypervisor, in memory. Any thread.
#pragma once

#include "model/error.h"
#include "model/network_port.h"

#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace virtbus::test {

/// A NAT network that runs, with a bridge virbr0 and the subnet; the UUID is made from the name.
Network make_network(const std::string& name, const std::string& subnet = "192.168.122.1/24");

class FakeNetworks final : public NetworkPort {
public:
    // The truth. Changing it here tells nobody.
    void add(Network network);
    void erase(const std::string& name);
    [[nodiscard]] std::optional<Network> network(const std::string& name) const;
    void set_leases(std::vector<Lease> leases);
    /// The next `times` calls of any kind throw `error`; all of them, if it is negative.
    void fail(const Error& error, int times = 1);
    /// How often they were listed.
    [[nodiscard]] int listings() const;
    /// Listings hang when they have seen what there is, until release().
    void block();
    void release();
    [[nodiscard]] int hanging() const;

    std::vector<Network> list_networks() override;
    std::vector<Lease> leases(const std::string& name) override;
    std::string network_xml(const std::string& name, bool inactive) override;
    void create_network(const NetworkSpec& spec) override;
    void start_network(const std::string& name) override;
    void stop_network(const std::string& name, bool force) override;
    void delete_network(const std::string& name, bool force) override;
    void set_network_autostart(const std::string& name, bool autostart) override;

private:
    using Lock = std::unique_lock<std::mutex>;

    /// Fails if it was told to, and returns with the truth locked.
    [[nodiscard]] Lock enter();
    Network& find(const std::string& name);

    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::map<std::string, Network> networks_;
    std::vector<Lease> leases_;
    std::optional<Error> failure_;
    int failures_ = 0;
    int listings_ = 0;
    int hanging_ = 0;
    bool blocked_ = false;
};

}  // namespace virtbus::test
