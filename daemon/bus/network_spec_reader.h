// SPDX-License-Identifier: LGPL-2.1-or-later
// CreateNetwork's a{sv} as a NetworkSpec: keys and types here, the rules about values in model/network_spec.h.
#pragma once

#include "bus/options.h"
#include "model/network_spec.h"

namespace virtbus::bus {

/// Error invalid_args for an unknown key, a wrong type, a missing name or what is no address; the text begins with the
/// key.
NetworkSpec read_network_spec(VariantMap values);

}  // namespace virtbus::bus
