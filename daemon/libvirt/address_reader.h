// SPDX-License-Identifier: LGPL-2.1-or-later
// What libvirt and the guest agent say of a machine's IP addresses. What is no address is left out: of an agent it may
// be anything. Blocks; one thread.
#pragma once

#include "libvirt/domain.h"
#include "libvirt/guest_agent.h"
#include "model/address.h"

#include <vector>

namespace virtbus {

/// Of leases or the ARP table.
std::vector<Address> read_host_addresses(const Domain& domain, AddressSource source);

/// Asks the agent itself: libvirt would wait for it without end.
std::vector<Address> read_agent_addresses(GuestAgent& agent);

}  // namespace virtbus
