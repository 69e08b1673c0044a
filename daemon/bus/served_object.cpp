// SPDX-License-Identifier: LGPL-2.1-or-later
#include "bus/served_object.h"

namespace virtbus::bus {

void ServedObject::retire(const Error& error) {
    retired_ = std::make_exception_ptr(error);
    for (const auto& entry : std::exchange(owed_, {}))
        if (const auto reply = entry.lock()) reply->fail(retired_);
}

void ServedObject::owe(const std::shared_ptr<Reply>& reply) {
    std::erase_if(owed_, [](const auto& entry) { return entry.expired(); });
    owed_.push_back(reply);
}

}  // namespace virtbus::bus
