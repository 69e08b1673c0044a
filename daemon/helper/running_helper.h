// SPDX-License-Identifier: LGPL-2.1-or-later
// A helper that works for us, and the ends of what it talks through; whoever started it. It never outlives its object
// by much: without its socket it ends. Any thread, but each object on one.
#pragma once

#include "base/unique_fd.h"
#include "helper/helper_place.h"

#include <memory>
#include <string>

namespace virtbus {

class RunningHelper {
public:
    RunningHelper() = default;
    RunningHelper(const RunningHelper&) = delete;
    RunningHelper& operator=(const RunningHelper&) = delete;
    virtual ~RunningHelper() = default;

    [[nodiscard]] int socket() const { return socket_.get(); }
    /// What it writes on standard error comes from here; -1 where that goes elsewhere.
    [[nodiscard]] virtual int errors() const { return -1; }
    /// Reads it, and keeps the last of it.
    virtual void read_errors() {}

    /// Waits for its end; says how it ended without an answer, as "ended …".
    virtual std::string wait() = 0;

protected:
    UniqueFd socket_;
};

/// Starts one, with nothing of ours but a socket. Error failed if it cannot be.
std::unique_ptr<RunningHelper> start_helper(const HelperPlace& place);

}  // namespace virtbus
