// SPDX-License-Identifier: LGPL-2.1-or-later
// From libvirt's XML of pools and volumes to the model's values. Pure functions, any thread.
#pragma once

#include "model/image.h"
#include "model/pool.h"

#include <optional>
#include <string_view>

namespace virtbus {

/// Name, UUID, type, path and sizes. Error invalid_xml for what is no <pool>.
Pool read_pool_xml(std::string_view xml);

/// All but the pool's name and the stamp; nothing for a directory, which pools of type dir list beside images. The
/// format is what libvirt found in the file. Error invalid_xml for what is no <volume>.
std::optional<Image> read_volume_xml(std::string_view xml);

}  // namespace virtbus
