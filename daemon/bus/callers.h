// SPDX-License-Identifier: LGPL-2.1-or-later
// Who is behind a unique name: asked of the broker, which knows it from the socket (never from /proc, which races).
#pragma once

#include "base/task.h"

#include <sdbus-c++/sdbus-c++.h>
#include <sys/types.h>

#include <memory>
#include <string>
#include <unordered_map>

namespace virtbus::bus {

class Callers {
public:
    Callers(asio::io_context& loop, sdbus::IConnection& connection);

    /// The uid of the connection `sender`; Error access_denied when the broker does not know it (any more).
    Task<uid_t> uid(std::string sender);

private:
    asio::io_context& loop_;
    std::unique_ptr<sdbus::IProxy> broker_;
    std::unordered_map<std::string, uid_t> known_;  // a unique name is never given twice: entries stay true
};

}  // namespace virtbus::bus
