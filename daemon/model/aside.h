// SPDX-License-Identifier: LGPL-2.1-or-later
// A task that goes on beside its starter, who looks after it from time to time. Main thread only.
#pragma once

#include "base/latch.h"
#include "base/task.h"

#include <exception>
#include <memory>

namespace virtbus {

struct Aside {
    explicit Aside(asio::io_context& loop) : done(loop.get_executor()) {}
    Latch done;
    std::exception_ptr failure;
};

std::shared_ptr<Aside> run_aside(asio::io_context& loop, Task<> task);

}  // namespace virtbus
