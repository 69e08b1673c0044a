// SPDX-License-Identifier: LGPL-2.1-or-later
#include "helper/running_helper.h"

#include "helper/helper_process.h"
#include "helper/helper_service.h"

namespace virtbus {

std::unique_ptr<RunningHelper> start_helper(const HelperPlace& place) {
    if (place.kind == HelperPlace::Kind::socket) return std::make_unique<HelperService>(place.path);
    return std::make_unique<HelperProcess>(place.path);
}

}  // namespace virtbus
