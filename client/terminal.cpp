// SPDX-License-Identifier: LGPL-2.1-or-later
#include "terminal.h"

namespace virtbusctl {

RawTerminal::RawTerminal(int descriptor) : descriptor_(descriptor), is_terminal_(::tcgetattr(descriptor, &old_) == 0) {
    if (!is_terminal_) return;
    termios raw = old_;
    ::cfmakeraw(&raw);
    ::tcsetattr(descriptor_, TCSADRAIN, &raw);
}

RawTerminal::~RawTerminal() {
    // What the guest has switched on would stay: not TCSAFLUSH, which would lose what was typed ahead for the shell.
    if (is_terminal_) ::tcsetattr(descriptor_, TCSADRAIN, &old_);
}

}  // namespace virtbusctl
