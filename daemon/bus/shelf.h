// SPDX-License-Identifier: LGPL-2.1-or-later
// The objects of one kind that are on the bus. What is gone stays for a moment, until those who are being served, such
// as the caller of Delete, have their replies. Main thread only.
#pragma once

#include "base/task.h"
#include "model/error.h"

#include <chrono>
#include <memory>
#include <unordered_map>
#include <utility>

namespace virtbus::bus {

/// What those who still wait for a reply are told when the daemon ends.
inline Error stopping() { return {Code::disconnected, "virtbusd is stopping"}; }

/// Of Published objects, or groups of them.
template <typename Key, typename Object>
class Shelf {
public:
    explicit Shelf(asio::io_context& loop) : loop_(loop) {}
    Shelf(const Shelf&) = delete;
    Shelf& operator=(const Shelf&) = delete;
    ~Shelf() {
        for (const auto& [key, weak] : leaving_)
            if (const auto object = weak.lock()) object->end();
        for (const auto& [key, object] : objects_) object->take_off(stopping());
    }

    /// Makes an Object and puts it on the bus.
    template <typename... Arguments>
    void put(const Key& key, Arguments&&... arguments) {
        // The same again, so soon that the old one is still replying to its last callers.
        if (const auto node = leaving_.extract(key); !node.empty())
            if (const auto old = node.mapped().lock()) old->end();
        auto& object = objects_[key];
        object = std::make_shared<Object>(std::forward<Arguments>(arguments)...);
        object->announce();
    }

    /// What it stands for is gone.
    void remove(const Key& key) {
        const auto object = objects_.extract(key).mapped();
        std::erase_if(leaving_, [](const auto& entry) { return entry.second.expired(); });
        leaving_[key] = object;
        spawn(loop_, leave(object), "an object's leaving");
    }

    /// What they all stand for is gone. Nobody is waited for: who is being served hears that it is gone.
    void clear() {
        for (const auto& [key, weak] : std::exchange(leaving_, {}))
            if (const auto object = weak.lock()) object->end();
        for (const auto& [key, object] : std::exchange(objects_, {})) object->end();
    }

    [[nodiscard]] Object* find(const Key& key) const {
        const auto found = objects_.find(key);
        return found == objects_.end() ? nullptr : found->second.get();
    }
    [[nodiscard]] Object& at(const Key& key) const { return *objects_.at(key); }

private:
    static Task<> leave(std::shared_ptr<Object> object) {
        constexpr std::chrono::seconds last_replies{1};
        object->refuse(object->gone());
        co_await object->settle(last_replies);
        object->end();
    }

    asio::io_context& loop_;
    std::unordered_map<Key, std::shared_ptr<Object>> objects_;
    std::unordered_map<Key, std::weak_ptr<Object>> leaving_;
};

}  // namespace virtbus::bus
