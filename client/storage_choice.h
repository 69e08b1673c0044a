// SPDX-License-Identifier: LGPL-2.1-or-later
// Which image or pool is meant by what somebody has typed.
#pragma once

#include <string>
#include <vector>

#include "bus.h"

namespace virtbusctl {

/// `text`: the name, POOL/NAME or the object path of one of the rows. `hypervisor`: only on this one; "": on any.
/// Throws Failure, which names the candidates if there are several.
[[nodiscard]] const Bus::ImageRow& choose_image(const std::vector<Bus::ImageRow>& rows, const std::string& text,
                                                const std::string& hypervisor = "");

/// `text`: the name or the object path.
[[nodiscard]] const Bus::PoolRow& choose_pool(const std::vector<Bus::PoolRow>& rows, const std::string& text,
                                              const std::string& hypervisor = "");

/// Likewise a network.
[[nodiscard]] const Bus::NetworkRow& choose_network(const std::vector<Bus::NetworkRow>& rows, const std::string& text,
                                                    const std::string& hypervisor = "");

}  // namespace virtbusctl
