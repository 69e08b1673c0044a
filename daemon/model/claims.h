// SPDX-License-Identifier: LGPL-2.1-or-later
// Who works on what: one may change an object, or several may read it, never both. Jobs claim what they work on, and so
// do calls that must not meet a job half-way. Nobody waits here: whoever comes too late is told who was first.
// Main thread only.
#pragma once

#include "model/object_ref.h"

#include <functional>
#include <list>
#include <memory>
#include <string>
#include <vector>

namespace virtbus {

class Claims {
    struct Entry {
        std::string who;
        std::vector<ObjectRef> changes;
        std::vector<ObjectRef> reads;
    };

public:
    /// Ends with its owner, wherever that is; a copy shares it.
    using Claim = std::shared_ptr<const Entry>;

    /// Claims all of these for `who`, such as "job 7 (clone)". Error machine_busy or in_use, which names the object and
    /// who has it.
    Claim take(std::string who, std::vector<ObjectRef> changes, std::vector<ObjectRef> reads = {});

    /// The same error when somebody works on an object for which `concerns` holds.
    void refuse_any(const std::function<bool(const ObjectRef&)>& concerns) const;

private:
    std::list<std::weak_ptr<const Entry>> entries_;
};

}  // namespace virtbus
