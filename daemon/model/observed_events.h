// SPDX-License-Identifier: LGPL-2.1-or-later
// What must have happened to a machine between two looks, where nobody tells: for hypervisors without events.
#pragma once

#include "model/machine.h"

#include <vector>

namespace virtbus {

/// In the words of Manager.Lifecycle, oldest first. nullptr: it was, or is, not there.
std::vector<LifecycleEvent> observed_events(const Machine* before, const Machine* after);

}  // namespace virtbus
