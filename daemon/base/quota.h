// SPDX-License-Identifier: LGPL-2.1-or-later
// Counts what each of several has at the moment, such as the calls of a user that are under way. Main thread only.
#pragma once

#include <cstddef>
#include <map>
#include <memory>

namespace virtbus {

template <typename Key>
class Quota {
public:
    /// One of what is counted: given back when the last copy goes. Empty when there was none to give.
    using Place = std::shared_ptr<void>;

    /// A place for `key`, unless it has `most` already.
    [[nodiscard]] Place take(const Key& key, std::size_t most) {
        if (count(key) >= most) return {};
        ++(*counts_)[key];
        return Place(counts_.get(), [counts = counts_, key](void*) {
            const auto found = counts->find(key);
            if (--found->second == 0) counts->erase(found);
        });
    }

    [[nodiscard]] std::size_t count(const Key& key) const {
        const auto found = counts_->find(key);
        return found == counts_->end() ? 0 : found->second;
    }

private:
    using Counts = std::map<Key, std::size_t>;

    std::shared_ptr<Counts> counts_ = std::make_shared<Counts>();  // a place may outlive the quota
};

}  // namespace virtbus
