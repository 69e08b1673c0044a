// SPDX-License-Identifier: LGPL-2.1-or-later
// Lets polkit ask the person at the terminal for a password, as systemctl does: by pkttyagent, which polkit brings
// along.
#pragma once

#include <sys/types.h>

namespace virtbusctl {

class AuthenticationAgent {
public:
    /// Starts it where it can be of use: somebody is at the terminal, who is not root. Where an agent is already, such
    /// as a desktop's, that one goes on being asked.
    AuthenticationAgent();
    AuthenticationAgent(const AuthenticationAgent&) = delete;
    AuthenticationAgent& operator=(const AuthenticationAgent&) = delete;
    ~AuthenticationAgent();

private:
    pid_t process_ = -1;
};

}  // namespace virtbusctl
