// SPDX-License-Identifier: LGPL-2.1-or-later
// org.virtbus1.HostMachineId: shows this host's machine-id, and changes it. Main thread only.
#pragma once

#include "bus/manager_object.h"
#include "bus/options.h"
#include "bus/published.h"
#include "model/host_identity.h"

#include <org.virtbus1.HostMachineId_adaptor.h>
#include <org.virtbus1.HostMachineId_properties.h>

namespace virtbus::bus {

class HostMachineIdObject final : public Published<HostMachineIdObject, org::virtbus1::HostMachineId_adaptor,
                                                   org::virtbus1::HostMachineId_properties> {
public:
    HostMachineIdObject(Services services, HostIdentity& host, const Hypervisors& hypervisors);

    /// Announces which properties differ from what was shown.
    void show();

private:
    [[nodiscard]] Details details() const override { return {}; }
    friend org::virtbus1::HostMachineId_properties;

    using Consequences = std::vector<sdbus::Struct<std::string, std::string>>;

    struct Shown {
        std::string etc;
        std::string dbus;
        bool reboot_required = false;
    };

    void Get(sdbus::Result<std::string>&& result, std::string file) override;
    void Ensure(sdbus::Result<bool, std::string>&& result, std::string file, VariantMap options) override;
    void LinkDbus(sdbus::Result<bool>&& result, VariantMap options) override;
    void PrepareRegenerate(sdbus::Result<std::string, Consequences, std::uint64_t>&& result,
                           VariantMap options) override;
    void Regenerate(sdbus::Result<std::string>&& result, std::string token, VariantMap options) override;

    std::string EtcId() override { return shown_.etc; }
    std::string DbusId() override { return shown_.dbus; }
    bool RebootRequired() override { return shown_.reboot_required; }

    [[nodiscard]] Shown now() const;
    [[nodiscard]] std::size_t running_guests() const;

    HostIdentity& host_;
    const Hypervisors& hypervisors_;
    Shown shown_;
};

}  // namespace virtbus::bus
