// SPDX-License-Identifier: LGPL-2.1-or-later
// org.virtbus1.Network: shows one network of the mirror, starts and stops it. Main thread only.
#pragma once

#include "bus/options.h"
#include "bus/published.h"
#include "model/hypervisor.h"

#include <org.virtbus1.Network_adaptor.h>
#include <org.virtbus1.Network_properties.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace virtbus::bus {

/// What is in the dictionaries of Subnets.
template <typename Visit>
void each_entry(const Subnet& subnet, Visit&& visit) {
    std::vector<sdbus::Struct<std::string, std::string>> ranges;
    for (const auto& range : subnet.dhcp) ranges.emplace_back(range.first.text(), range.last.text());
    visit("address", subnet.host.address.text());
    visit("prefix", std::uint32_t{subnet.host.prefix});
    visit("dhcp", ranges);
}

class NetworkObject final
    : public Published<NetworkObject, org::virtbus1::Network_adaptor, org::virtbus1::Network_properties> {
public:
    NetworkObject(Services services, std::shared_ptr<virtbus::Hypervisor> hypervisor, NetworkPtr network);

    /// Shows `after`, and announces which properties differ.
    void show(const NetworkPtr& after);
    [[nodiscard]] virtbus::Error gone() const;

private:
    friend org::virtbus1::Network_properties;
    [[nodiscard]] Details details() const override { return about(*hypervisor_, *network_); }
    using Result = sdbus::Result<>;
    using LeaseRow = sdbus::Struct<std::string, std::string, std::uint32_t, std::string, std::uint64_t, std::string>;

    void Start(Result&& result, VariantMap options) override;
    void Stop(Result&& result, VariantMap options) override;
    void Delete(Result&& result, VariantMap options) override;
    void SetAutostart(Result&& result, bool autostart, VariantMap options) override;
    void GetLeases(sdbus::Result<std::vector<LeaseRow>>&& result) override;
    void GetXml(sdbus::Result<std::string>&& result, VariantMap options) override;

    std::string Name() override { return network_->name; }
    sdbus::ObjectPath Hypervisor() override;
    std::string Uuid() override { return network_->uuid.text(); }
    bool Active() override { return network_->active; }
    bool Persistent() override { return network_->persistent; }
    bool Autostart() override { return network_->autostart; }
    std::string Forward() override { return network_->forward; }
    std::string Bridge() override { return network_->bridge; }
    std::string Domain() override { return network_->domain; }
    std::vector<VariantMap> Subnets() override;
    Dictionaries<Subnet> subnets() const { return {network_->subnets}; }

    using PortWork = std::function<void(NetworkPort&, const std::string& name)>;
    using CutOff = void (NetworkPort::*)(const std::string& name, bool force);
    /// A call of the port, and replies when its effect shows.
    void serve_work(Result&& result, Action action, VariantMap options, PortWork work);
    /// The same of what may end it, which is refused while machines are on it, unless the options say "force".
    void serve_work(Result&& result, Action action, VariantMap options, CutOff work);
    Task<> call_port(PortWork work);
    /// Error in_use, which names a running machine that is on it.
    void refuse_running_machines() const;

    std::shared_ptr<virtbus::Hypervisor> hypervisor_;
    NetworkPtr network_;
};

}  // namespace virtbus::bus
