// SPDX-License-Identifier: LGPL-2.1-or-later
// The groups of rows; each measures on its own, and adds what it found.
#pragma once

#include "stage.h"

namespace virtbus::bench {

struct Scene {
    Report& report;
    bool quick;
    const Libvirtd& libvirtd;
    Bus& bus;
    const Virtbusd* virtbusd;  ///< of the QEMU machines, a thousand; libvirt-dbus is there then, too
};

void start_rows(const Scene& scene);  ///< starts virtbusd several times
void idle_rows(const Scene& scene);
void inventory_rows(const Scene& scene);
void property_rows(const Scene& scene);
void client_rows(const Scene& scene);
void control_rows(const Scene& scene);
void event_rows(const Scene& scene);
void crowd_rows(const Scene& scene);
void many_rows(const Scene& scene);  ///< with ten thousand machines of libvirt's test driver, and its own virtbusd

}  // namespace virtbus::bench
