// SPDX-License-Identifier: LGPL-2.1-or-later
// The a{sv} that ends a method's arguments: each key is taken with its type, and what nobody took is refused, so that
// a typo never passes silently.
#pragma once

#include "model/error.h"

#include <fmt/format.h>
#include <sdbus-c++/sdbus-c++.h>

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace virtbus::bus {

using VariantMap = std::map<std::string, sdbus::Variant>;

class Options {
public:
    /// `prefix` stands before keys in error texts, such as "disks[0]." for a map within a map.
    explicit Options(VariantMap values, std::string prefix = {})
        : values_(std::move(values)), prefix_(std::move(prefix)) {}

    /// The value of `key`, if it is there. Error invalid_args when its type is not `Value`'s.
    template <typename Value>
    std::optional<Value> take(const std::string& key) {
        known_.push_back(key);
        auto node = values_.extract(key);
        if (node.empty()) return std::nullopt;
        if (!node.mapped().template containsValueOfType<Value>())
            refuse_type(key, sdbus::signature_of<Value>::str(), node.mapped().peekValueType());
        return node.mapped().template get<Value>();
    }

    /// Puts the value of `key`, if it is there, into `target`.
    template <typename Value>
    void take_into(const std::string& key, Value& target) {
        if (auto value = take<Value>(key)) target = std::move(*value);
    }

    /// Error invalid_args when a key is left that nobody took. Every method calls it before it does anything.
    void refuse_unknown() const;

private:
    [[noreturn]] void refuse_type(const std::string& key, const std::string& wanted, const std::string& given) const;

    VariantMap values_;
    std::string prefix_;
    std::vector<std::string> known_;
};

}  // namespace virtbus::bus
