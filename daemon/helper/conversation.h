// SPDX-License-Identifier: LGPL-2.1-or-later
// How virtbusd asks one of its helpers for something: a process a call. Blocks, so: worker threads, several at once.
#pragma once

#include "helper/helper_place.h"
#include "model/transfer.h"

#include <nlohmann/json.hpp>

#include <vector>

namespace virtbus {

/// Starts the helper, gives it the request and `files`, and waits for its end; its answer, or the Error that it
/// answered with. Without a transfer it cannot be cancelled.
nlohmann::json ask_helper(const HelperPlace& place, const nlohmann::json& request, Transfer* transfer = nullptr,
                          const std::vector<int>& files = {});

}  // namespace virtbus
