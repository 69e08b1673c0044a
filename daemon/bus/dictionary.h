// SPDX-License-Identifier: LGPL-2.1-or-later
// Values that are shown as dictionaries, a{sv}, such as a disk: those for which there is each_entry(value, visit),
// which calls visit(key, entry) for each key that applies.
#pragma once

#include "bus/options.h"

#include <vector>

namespace virtbus::bus {

template <typename Value>
VariantMap to_dictionary(const Value& value) {
    VariantMap map;
    each_entry(value, [&map](const char* key, const auto& entry) { map.emplace(key, sdbus::Variant(entry)); });
    return map;
}

template <typename Value>
std::vector<VariantMap> to_dictionaries(const std::vector<Value>& values) {
    std::vector<VariantMap> list;
    for (const auto& value : values) list.push_back(to_dictionary(value));
    return list;
}

/// The same for a PropertyWriter, which writes them as they are: each Variant is a message of its own, and dear.
template <typename Value>
struct Dictionaries {
    const std::vector<Value>& values;
};

}  // namespace virtbus::bus
