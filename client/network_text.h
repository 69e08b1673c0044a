// SPDX-License-Identifier: LGPL-2.1-or-later
// The properties of a network as a page for people, and the addresses of a machine.
#pragma once

#include <string>

#include "values.h"

namespace virtbusctl {

/// `network`: all properties of org.virtbus1.Network.
[[nodiscard]] std::string network_text(const Json& network);

/// "192.168.122.15/24 on 52:54:00:12:34:56 (lease, agent: eth0)". `address`: one of Machine.Addresses.
[[nodiscard]] std::string address_text(const Json& address);

}  // namespace virtbusctl
