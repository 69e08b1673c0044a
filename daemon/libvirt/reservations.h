// SPDX-License-Identifier: LGPL-2.1-or-later
// Names and UUIDs that a call is about to define. libvirt cannot be told "only if it is new", so of two calls of ours
// that look at the same time and both find a name free, the second would silently replace what the first defines. A
// reservation instead of a lock: nothing is locked while libvirt is asked. Any thread.
#pragma once

#include "base/uuid.h"
#include "model/error.h"

#include <mutex>
#include <set>
#include <string>

namespace virtbus {

class Reservations {
public:
    /// Holds a name and a UUID until it goes. Error `taken` when another call holds one of them.
    class Hold {
    public:
        Hold(Reservations& reservations, const std::string& name, const Uuid& uuid, Code taken)
            : reservations_(reservations), keys_{"name " + name, "uuid " + uuid.text()} {
            const std::lock_guard lock(reservations_.mutex_);
            for (const auto& key : keys_)
                if (reservations_.held_.contains(key))
                    throw Error(taken, "another call is defining " + name + " right now");
            reservations_.held_.insert(keys_.begin(), keys_.end());
        }
        ~Hold() {
            const std::lock_guard lock(reservations_.mutex_);
            for (const auto& key : keys_) reservations_.held_.erase(key);
        }
        Hold(const Hold&) = delete;
        Hold& operator=(const Hold&) = delete;

    private:
        Reservations& reservations_;
        std::set<std::string> keys_;
    };

private:
    std::mutex mutex_;
    std::set<std::string> held_;
};

}  // namespace virtbus
