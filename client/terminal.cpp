// SPDX-License-Identifier: LGPL-2.1-or-later
#include "terminal.h"

#include <fcntl.h>
#include <unistd.h>

#include <initializer_list>

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

void fill_standard_streams() {
    for (const int descriptor : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
        // The lowest number that is free is this one: those below are open by now.
        if (::fcntl(descriptor, F_GETFD) < 0)
            static_cast<void>(::open("/dev/null", descriptor == STDIN_FILENO ? O_WRONLY : O_RDONLY));
}

}  // namespace virtbusctl
