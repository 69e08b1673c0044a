// SPDX-License-Identifier: LGPL-2.1-or-later
// Which image or pool is meant by what somebody has typed.
#pragma once

#include <functional>
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

/// Whether two rows are of one network, which several hypervisors show.
using SameNetwork = std::function<bool(const Bus::NetworkRow&, const Bus::NetworkRow&)>;

/// Likewise a network; of rows that are the same, the first.
[[nodiscard]] const Bus::NetworkRow& choose_network(const std::vector<Bus::NetworkRow>& rows, const std::string& text,
                                                    const std::string& hypervisor = "", const SameNetwork& same = {});

/// Where a new image is to be made, and how it is called there.
struct NewImage {
    std::string pool;  ///< "" for the default
    std::string name;
};

/// `text`: NAME or, where --pool does not say it, POOL/NAME: no image can have a name with a slash.
[[nodiscard]] NewImage new_image(const std::string& text, const std::string& pool);

}  // namespace virtbusctl
