// SPDX-License-Identifier: LGPL-2.1-or-later
// What somebody at a shell waits for, and whoever starts virtbusd.
#include "rows.h"

namespace virtbus::bench {

void client_rows(const Scene& scene) {
    Samples ours;
    Samples theirs;
    for (int i = 0; i < (scene.quick ? 5 : 21); ++i) {
        ours.push_back(times(1, [] { Process({"virtbusctl", "list"}).wait(); }).front());
        theirs.push_back(times(1, [] { Process({"virsh", "list", "--all"}).wait(); }).front());
    }
    scene.report.add("virtbusctl list, 1,000 machines", median(ours), "virsh list --all", median(theirs), "ms",
                     ratio_at_most(1));
}

void start_rows(const Scene& scene) {
    Samples ready;
    Samples listed;
    for (int i = 0; i < (scene.quick ? 3 : 7); ++i) {
        const Virtbusd virtbusd(Libvirtd::uri("qemu", "/session"), 1'000);
        ready.push_back(virtbusd.ready_after());
        listed.push_back(virtbusd.listed_after());
    }
    scene.report.add("virtbusd's start until it is ready", median(ready), "ms", at_most(50));
    scene.report.add("virtbusd's start until it knows 1,000 machines", median(listed), "ms", at_most(1'000));
}

}  // namespace virtbus::bench
