// SPDX-License-Identifier: LGPL-2.1-or-later
// The trail that calls leave in the journal: one entry for each that changes something, or was refused, when it has
// ended. Who is refused again and again cannot fill the journal: only some of a user's refusals in a minute are told
// one by one. Main thread only.
#pragma once

#include "bus/authority.h"
#include "bus/call.h"

#include <sdbus-c++/sdbus-c++.h>

#include <chrono>
#include <exception>
#include <map>
#include <optional>
#include <string>
#include <type_traits>

namespace virtbus::bus {

class Audit {
public:
    /// Whether a refusal to the user gets an entry now; and if it does, how many before it had none.
    std::optional<unsigned> tell_refusal(uid_t uid);

private:
    struct Refusals {
        std::chrono::steady_clock::time_point since;
        unsigned told = 0;
        unsigned untold = 0;
    };

    std::map<uid_t, Refusals> refusals_;
};

/// What becomes of one call. The call outlives it.
class AuditEntry {
public:
    AuditEntry(Audit& audit, Action action, const Call& call) : audit_(audit), action_(action), call_(call) {}
    AuditEntry(const AuditEntry&) = delete;
    AuditEntry& operator=(const AuditEntry&) = delete;
    /// A call that never ended: the daemon has.
    ~AuditEntry();

    /// What its caller gets: of interest when it is the path of an object that it made, such as a job.
    template <typename Value>
    void gave(const Value& value) {
        if constexpr (std::is_same_v<Value, sdbus::ObjectPath>) object_ = value;
    }
    void done();
    void failed(const std::exception_ptr& failure);

private:
    enum class Outcome { done, refused, failed };

    void write(Outcome outcome, const std::string& result, const std::string& text);

    Audit& audit_;
    Action action_;
    const Call& call_;
    std::string object_;
    bool written_ = false;
};

}  // namespace virtbus::bus
