// SPDX-License-Identifier: LGPL-2.1-or-later
// Keeps what a port tells, and waits for it.
#pragma once

#include "model/port.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace virtbus::test {

class RecordedEvents : public PortEvents {
public:
    void touched(const Uuid& uuid) override {
        add([&] { touched_.push_back(uuid); });
    }
    void happened(const Uuid& uuid, const LifecycleEvent& event) override {
        add([&] { happened_.push_back({uuid, event}); });
    }
    void pool_touched(const std::string& name) override {
        add([&] { pools_.push_back(name); });
    }
    void networks_touched() override {
        add([&] { networks_touched_ = true; });
    }
    void closed(const std::string& reason) override {
        add([&] { closed_.push_back(reason); });
    }

    bool wait_touched(const Uuid& uuid) {
        return wait([&] { return std::find(touched_.begin(), touched_.end(), uuid) != touched_.end(); });
    }
    bool wait_pool_touched(const std::string& name) {
        return wait([&] { return std::find(pools_.begin(), pools_.end(), name) != pools_.end(); });
    }
    /// Whether any was; from then on the next counts.
    bool wait_networks_touched() {
        return wait([&] { return std::exchange(networks_touched_, false); });
    }
    bool wait_happened(const Uuid& uuid, const LifecycleEvent& event) {
        return wait([&] {
            return std::find(happened_.begin(), happened_.end(), Happened{uuid, event}) != happened_.end();
        });
    }
    /// Why it was closed; "" if it is not within a while.
    std::string wait_closed() {
        return wait([&] { return !closed_.empty(); }) ? closed_.front() : "";
    }

    std::size_t times_closed() {
        const std::lock_guard lock(mutex_);
        return closed_.size();
    }

private:
    struct Happened {
        Uuid uuid;
        LifecycleEvent event;
        bool operator==(const Happened&) const = default;
    };

    template <typename Change>
    void add(Change change) {
        const std::lock_guard lock(mutex_);
        change();
        changed_.notify_all();
    }
    template <typename Condition>
    bool wait(Condition condition) {
        std::unique_lock lock(mutex_);
        return changed_.wait_for(lock, std::chrono::seconds(20), condition);
    }

    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<Uuid> touched_;
    std::vector<std::string> pools_;
    bool networks_touched_ = false;
    std::vector<Happened> happened_;
    std::vector<std::string> closed_;
};

}  // namespace virtbus::test
