// SPDX-License-Identifier: LGPL-2.1-or-later
// What libvirt knows of a container's first process, without which nobody enters, stops or reboots it. It learns that a
// moment after the start, by an event; and never, when that comes between the two lines of its virLXCMonitorNew (9.0)
// that listen and that say who hears: of starts on a busy host one in some sixty. All of it waits: on workers alone.
#pragma once

#include "libvirt/domain.h"

#include <string_view>

namespace virtbus {

/// Whether it is a container of libvirt's own driver for them.
bool is_lxc(const Domain& domain);

/// Waits until libvirt knows it; blocks for ten seconds at most, then error machine_busy "Cannot <act> <name>: …".
void await_first_process(const Domain& domain, std::string_view act);

/// For what was just started; nothing to do but for a container. It waits for the same, half as long, and where libvirt
/// has missed it, ends the container and starts it once more: nothing else brings it back, not even a new libvirtd.
void mend_first_process(const Domain& domain);

}  // namespace virtbus
