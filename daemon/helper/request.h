// SPDX-License-Identifier: LGPL-2.1-or-later
// The life of a helper program: one request from standard input, which is a socket, as protocol.h says it; the answer;
// the end. One thread.
#pragma once

#include "helper/peer.h"

#include <nlohmann/json_fwd.hpp>

namespace virtbus {

/// What is done for a request: what it returns is the answer, and so is what it throws.
using Perform = nlohmann::json (*)(const nlohmann::json& request, Peer& peer);

/// Reads the request and answers it; the program's exit code.
int answer_request(Perform perform);

}  // namespace virtbus
