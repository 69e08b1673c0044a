// SPDX-License-Identifier: LGPL-2.1-or-later
// Signals of the process (Ctrl-C and others) as something to wait for: while one of these lives they interrupt nothing.
#pragma once

#include <signal.h>

#include <initializer_list>

namespace virtbusctl {

class SignalWatch {
public:
    explicit SignalWatch(std::initializer_list<int> numbers);
    SignalWatch(const SignalWatch&) = delete;
    SignalWatch& operator=(const SignalWatch&) = delete;
    ~SignalWatch();

    /// Readable when a signal has come.
    [[nodiscard]] int descriptor() const { return descriptor_; }
    /// The number of the next one that has come; 0: none.
    int take();

private:
    sigset_t old_mask_{};
    int descriptor_ = -1;
};

}  // namespace virtbusctl
