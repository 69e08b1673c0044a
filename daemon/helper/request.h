// SPDX-License-Identifier: LGPL-2.1-or-later
// The life of a helper program: one request from standard input, which is a socket, as protocol.h says it; the answer;
// the end. One thread.
//
// PROGRAM [USER [PART]]: without arguments it is virtbusd's child, and serves the user whose process it is. With them
// it is a service that systemd starts: it serves USER alone, does only this PART of its work, and touches only what the
// administrator's configuration allows, whatever it is asked for.
#pragma once

#include "helper/peer.h"

#include <nlohmann/json_fwd.hpp>

namespace virtbus {

/// What is done for a request: what it returns is the answer, and so is what it throws.
using Perform = nlohmann::json (*)(const nlohmann::json& request, Peer& peer);

/// Reads the request and answers it; the program's exit code.
int answer_request(int count, char** arguments, Perform perform);

}  // namespace virtbus
