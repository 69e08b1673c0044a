// SPDX-License-Identifier: LGPL-2.1-or-later
// Runs the programs that the tests need, qemu-img, debugfs and QEMU itself, and ends those that take too long. On any
// thread; the calling one waits.
#pragma once

#include <chrono>
#include <string>
#include <vector>

namespace virtbus::test {

struct Execution {
    int status = 0;            // as a shell has it: 128 + the signal's number for one that was ended by a signal
    bool is_too_slow = false;  // it was ended because its time was up
    std::string output;        // of both its outputs
};

/// Runs a program until it ends. It doesn't outlive `patience`, nor the calling thread.
Execution execute(const std::vector<std::string>& words, std::chrono::seconds patience = std::chrono::seconds(60));

}  // namespace virtbus::test
