// SPDX-License-Identifier: LGPL-2.1-or-later
#include "authentication_agent.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <systemd/sd-login.h>
#include <unistd.h>

#include <csignal>
#include <string>

namespace virtbusctl {

namespace {

/// It says nothing when it is not installed, or polkit is not there: the daemon's answer will.
[[noreturn]] void become_agent(int notify) {
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    ::fcntl(notify, F_SETFD, 0);
    const int silence = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
    ::dup2(silence, STDERR_FILENO);
    const auto descriptor = std::to_string(notify);
    // A desktop's agent goes first. Outside of a session there is none, and polkit asks no fallback there.
    const char* const fallback = sd_pid_get_session(0, nullptr) < 0 ? nullptr : "--fallback";
    ::execlp("pkttyagent", "pkttyagent", "--notify-fd", descriptor.c_str(), fallback, nullptr);
    ::_exit(127);
}

}  // namespace

AuthenticationAgent::AuthenticationAgent() {
    if (::geteuid() == 0 || ::isatty(STDIN_FILENO) == 0 || ::isatty(STDERR_FILENO) == 0) return;
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return;
    process_ = ::fork();
    if (process_ == 0) become_agent(ends[1]);
    ::close(ends[1]);
    // It closes its end when polkit knows it, or when it is no good.
    constexpr int patience_ms = 5'000;
    pollfd wait{ends[0], 0, 0};
    ::poll(&wait, 1, patience_ms);
    ::close(ends[0]);
}

AuthenticationAgent::~AuthenticationAgent() {
    if (process_ <= 0) return;
    ::kill(process_, SIGTERM);
    ::waitpid(process_, nullptr, 0);
}

}  // namespace virtbusctl
