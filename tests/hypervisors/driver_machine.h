// SPDX-License-Identifier: LGPL-2.1-or-later
// The smallest machine of each driver that starts.
#pragma once

#include "support/client.h"

#include <string>

namespace virtbus::test {

/// The domain XML of one called `name`, for DefineXml of this hypervisor.
std::string machine_xml(proxies::Hypervisor& hypervisor, const std::string& name);

}  // namespace virtbus::test
