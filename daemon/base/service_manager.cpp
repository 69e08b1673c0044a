// SPDX-License-Identifier: LGPL-2.1-or-later
#include "base/service_manager.h"

#include <systemd/sd-daemon.h>
#include <asio/steady_timer.hpp>
#include <asio/use_awaitable.hpp>

#include <chrono>
#include <cstdint>
#include <ctime>
#include <string>

namespace virtbus::service_manager {

void ready() { sd_notify(0, "READY=1"); }
void reloading() {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    const auto usec = now.tv_sec * 1'000'000 + now.tv_nsec / 1'000;
    sd_notify(0, ("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(usec)).c_str());
}
void stopping() { sd_notify(0, "STOPPING=1"); }
void status(const std::string& text) { sd_notify(0, ("STATUS=" + text).c_str()); }

Task<> feed_watchdog(asio::io_context& loop) {
    std::uint64_t usec = 0;
    if (sd_watchdog_enabled(0, &usec) <= 0) co_return;
    asio::steady_timer timer(loop);
    for (;;) {
        sd_notify(0, "WATCHDOG=1");
        timer.expires_after(std::chrono::microseconds(usec / 2));  // half, as sd_watchdog_enabled(3) advises
        co_await timer.async_wait(asio::use_awaitable);
    }
}

}  // namespace virtbus::service_manager
