// SPDX-License-Identifier: LGPL-2.1-or-later
// The devices of a copy of a machine, but for what is stored: see libvirt/domain_copy.h, which says what changes. Pure
// functions, any thread.
#pragma once

#include <pugixml.hpp>

namespace virtbus {

/// Takes out of <devices> what the source alone can have: MAC addresses, which new ones replace, tap devices, the vsock
/// address, ports and sockets.
void copy_devices(pugi::xml_node devices);

}  // namespace virtbus
