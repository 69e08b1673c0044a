// SPDX-License-Identifier: LGPL-2.1-or-later
// libvirt's network XML becomes a Network, and a NetworkSpec the XML. Pure functions, any thread.
#pragma once

#include "model/network.h"
#include "model/network_spec.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace virtbus {

/// What stands in the XML: not whether it runs, is persistent and starts by itself. Error invalid_xml.
Network read_network_xml(std::string_view xml);

/// How many interfaces are on it, by the XML of what runs.
std::uint64_t connections_in(std::string_view xml);

std::string network_xml_of(const NetworkSpec& spec);

}  // namespace virtbus
