// SPDX-License-Identifier: LGPL-2.1-or-later
// libguestfs starts QEMU, and a process that ends it some seconds after us: not if that is killed too. So it starts
// this program in QEMU's place, which becomes QEMU once it is sure to die with whoever started it. One thread.
#pragma once

#include <string>

namespace virtbus {

/// From here on, become_qemu() in a child of this process becomes `qemu`, a path.
void prepare_leash(const std::string& qemu);

/// Whether this program was started in QEMU's place.
bool is_in_place_of_qemu();

/// Returns the exit status if that is not possible; says why on standard error.
int become_qemu(char** arguments);

}  // namespace virtbus
