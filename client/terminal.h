// SPDX-License-Identifier: LGPL-2.1-or-later
// A terminal given over to somebody else: every key goes through, nothing is echoed. Restored when this goes. And the
// standard streams where there may be none.
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

/// Opens those of the standard streams that are closed, so that nothing else is opened in their place; to read or write
/// them fails as before.
void fill_standard_streams();

}  // namespace virtbusctl
