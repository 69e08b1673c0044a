// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/hypervisor_info.h"

#include <algorithm>
#include <array>

namespace virtbus {

namespace {

struct DriverType {
    std::string_view driver;
    HypervisorType type;
};

// virConnectGetType() in lower case. qemu is not here: it depends on KVM. Nor is test, whose host is made up. Sources:
// what each driver's ConnectGetType returns in libvirt 9.0.0, https://libvirt.org/drivers.html for what it drives, and
// the vendors' own terms for the type.
constexpr std::array driver_types{
    DriverType{"xen", HypervisorType::type_1},
    DriverType{"esx", HypervisorType::type_1},  // also vpx:// and gsx://
    DriverType{"hyper-v", HypervisorType::type_1},
    DriverType{"phyp", HypervisorType::type_1},  // IBM Power, until libvirt 6
    DriverType{"vbox", HypervisorType::type_2},
    DriverType{"vmware", HypervisorType::type_2},  // Player, Workstation, Fusion
    DriverType{"vz", HypervisorType::type_2},
    DriverType{"parallels", HypervisorType::type_2},  // vz's older name
    DriverType{"bhyve", HypervisorType::type_2},
    DriverType{"ch", HypervisorType::type_1_and_2},  // Cloud Hypervisor: on KVM always
    DriverType{"lxc", HypervisorType::container},
    DriverType{"openvz", HypervisorType::container},
};

}  // namespace

HypervisorType hypervisor_type(std::string_view driver, const std::vector<Acceleration>& accelerations) {
    if (driver == "qemu") {
        const bool kvm =
            std::find(accelerations.begin(), accelerations.end(), Acceleration::kvm) != accelerations.end();
        return kvm ? HypervisorType::type_1_and_2 : HypervisorType::type_2;
    }
    for (const auto& entry : driver_types)
        if (entry.driver == driver) return entry.type;
    return HypervisorType::unknown;
}

std::string_view to_string(HypervisorType type) {
    switch (type) {
        case HypervisorType::unknown: return "unknown";
        case HypervisorType::type_1: return "type-1";
        case HypervisorType::type_2: return "type-2";
        case HypervisorType::type_1_and_2: return "type-1+2";
        case HypervisorType::container: return "container";
    }
    return "";
}

std::string_view to_string(HardwareVirtualization hardware) {
    switch (hardware) {
        case HardwareVirtualization::none: return "none";
        case HardwareVirtualization::vmx: return "vmx";
        case HardwareVirtualization::svm: return "svm";
    }
    return "";
}

}  // namespace virtbus
