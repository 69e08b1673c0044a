// SPDX-License-Identifier: LGPL-2.1-or-later
// libvirt URIs as people may see them.
#pragma once

#include <string>
#include <string_view>

namespace virtbus {

/// `uri` without user, password and query: what may stand in properties, logs and errors.
std::string public_uri(std::string_view uri);

}  // namespace virtbus
