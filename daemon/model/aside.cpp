// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/aside.h"

namespace virtbus {

std::shared_ptr<Aside> run_aside(asio::io_context& loop, Task<> task) {
    auto aside = std::make_shared<Aside>(loop);
    const auto finish = [](std::shared_ptr<Aside> mine, Task<> work) -> Task<> {
        try {
            co_await std::move(work);
        } catch (...) {
            mine->failure = std::current_exception();
        }
        mine->done.set();
    };
    spawn(loop, finish(aside, std::move(task)), "work of a job");
    return aside;
}

}  // namespace virtbus
