// SPDX-License-Identifier: LGPL-2.1-or-later
// How virtbusd asks one of its helper programs for something: a process a call. Blocks, so: worker threads, several at
// once.
#pragma once

#include "model/transfer.h"

#include <nlohmann/json.hpp>

#include <string>
#include <vector>

namespace virtbus {

/// Starts `program`, gives it the request and `files`, and waits for its end; its answer, or the Error that it answered
/// with. Without a transfer it cannot be cancelled.
nlohmann::json ask_helper(const std::string& program, const nlohmann::json& request, Transfer* transfer = nullptr,
                          const std::vector<int>& files = {});

}  // namespace virtbus
