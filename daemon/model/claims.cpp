// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/claims.h"

#include "model/error.h"

#include <fmt/format.h>

#include <algorithm>

namespace virtbus {

namespace {

[[noreturn]] void refuse(const ObjectRef& object, const std::string& who) {
    const bool machine = std::holds_alternative<MachineRef>(object);
    throw Error(machine ? Code::machine_busy : Code::in_use,
                fmt::format("{}: {} is working on it; wait for it or cancel it", to_string(object), who));
}

bool has(const std::vector<ObjectRef>& objects, const ObjectRef& object) {
    return std::find(objects.begin(), objects.end(), object) != objects.end();
}

}  // namespace

Claims::Claim Claims::take(std::string who, std::vector<ObjectRef> changes, std::vector<ObjectRef> reads) {
    entries_.remove_if([](const auto& entry) { return entry.expired(); });
    for (const auto& weak : entries_) {
        const auto entry = weak.lock();
        for (const auto& object : changes)
            if (has(entry->changes, object) || has(entry->reads, object)) refuse(object, entry->who);
        for (const auto& object : reads)
            if (has(entry->changes, object)) refuse(object, entry->who);
    }
    auto claim = std::make_shared<const Entry>(Entry{std::move(who), std::move(changes), std::move(reads)});
    entries_.push_back(claim);
    return claim;
}

void Claims::refuse_any(const std::function<bool(const ObjectRef&)>& concerns) const {
    for (const auto& weak : entries_) {
        const auto entry = weak.lock();
        if (!entry) continue;
        for (const auto* objects : {&entry->changes, &entry->reads})
            for (const auto& object : *objects)
                if (concerns(object)) refuse(object, entry->who);
    }
}

}  // namespace virtbus
