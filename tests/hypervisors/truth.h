// SPDX-License-Identifier: LGPL-2.1-or-later
// What a hypervisor has, asked of libvirt directly: what virtbus's mirror is compared with.
#pragma once

#include "support/private_libvirtd.h"

#include <libvirt/libvirt.h>

#include <map>
#include <memory>
#include <string>

namespace virtbus::test {

/// Machines by UUID, each as "name, state, title".
using Machines = std::map<std::string, std::string>;

/// A libvirtd with libvirt's test driver, and a connection to it that is not virtbus's. Its machines are gone when it
/// is killed: fill() makes them again.
class Truth {
public:
    static constexpr int machine_count = 100;

    /// The same name and UUID on every hypervisor.
    static std::string name(int number);
    static std::string uuid(int number);

    Truth() { fill(); }

    /// So that it has as many machines as it should, and all of them run.
    void fill();
    [[nodiscard]] Machines machines() const;
    /// Kills it; its machines are forgotten.
    void kill();
    void restart() {
        libvirtd.restart();
        fill();
    }

    PrivateLibvirtd libvirtd;

private:
    struct Close {
        void operator()(virConnectPtr connection) const { virConnectClose(connection); }
    };
    std::unique_ptr<virConnect, Close> connection_;  // while it is open, the test driver forgets nothing
};

}  // namespace virtbus::test
