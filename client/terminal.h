// SPDX-License-Identifier: LGPL-2.1-or-later
// A terminal given over to somebody else: every key goes through, nothing is echoed. Restored when this goes.
#pragma once

#include <termios.h>

namespace virtbusctl {

class RawTerminal {
public:
    /// Does nothing if the descriptor is no terminal.
    explicit RawTerminal(int descriptor);
    RawTerminal(const RawTerminal&) = delete;
    RawTerminal& operator=(const RawTerminal&) = delete;
    ~RawTerminal();

    [[nodiscard]] bool is_terminal() const { return is_terminal_; }

private:
    int descriptor_;
    termios old_{};
    bool is_terminal_;
};

}  // namespace virtbusctl
