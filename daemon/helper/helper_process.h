// SPDX-License-Identifier: LGPL-2.1-or-later
// A running virtbus-helper, and the ends of what it talks through. It never outlives its object. Any thread, but each
// object on one.
#pragma once

#include "base/unique_fd.h"

#include <sys/types.h>

#include <string>
#include <vector>

namespace virtbus {

class HelperProcess {
public:
    /// Starts it, with nothing of ours but one socket, a pipe for its errors, and from descriptor 3 on these `files`.
    /// Error failed if it cannot be.
    explicit HelperProcess(const std::string& program, std::vector<int> files = {});
    HelperProcess(const HelperProcess&) = delete;
    HelperProcess& operator=(const HelperProcess&) = delete;
    ~HelperProcess();

    [[nodiscard]] int socket() const { return socket_.get(); }
    [[nodiscard]] int errors() const { return errors_.get(); }
    /// Reads what it writes on standard error, and keeps the last of it.
    void read_errors();

    /// Waits for its end; says how it ended, and what it wrote last, as "ended …".
    std::string wait();

private:
    UniqueFd socket_;
    UniqueFd errors_;
    std::string text_;
    pid_t pid_ = -1;
};

}  // namespace virtbus
