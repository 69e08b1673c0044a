// SPDX-License-Identifier: LGPL-2.1-or-later
// What we tell systemd, sd_notify(3): nothing happens when nobody listens. Main thread only.
#pragma once

#include "base/task.h"

#include <string>

namespace virtbus::service_manager {

void ready();
/// ready() says when it is over.
void reloading();
void stopping();
/// One line that `systemctl status` shows.
void status(const std::string& text);

/// Tells, as often as WatchdogSec= asks, that the loop still turns; returns at once when there is no watchdog.
Task<> feed_watchdog(asio::io_context& loop);

}  // namespace virtbus::service_manager
