// SPDX-License-Identifier: LGPL-2.1-or-later
#include "signals.h"

#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace virtbusctl {

SignalWatch::SignalWatch(std::initializer_list<int> numbers) {
    sigset_t mask;
    sigemptyset(&mask);
    for (const int number : numbers) sigaddset(&mask, number);
    ::sigprocmask(SIG_BLOCK, &mask, &old_mask_);
    descriptor_ = ::signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
    if (descriptor_ < 0) throw std::system_error(errno, std::generic_category(), "signalfd");
}

SignalWatch::~SignalWatch() {
    ::close(descriptor_);
    ::sigprocmask(SIG_SETMASK, &old_mask_, nullptr);
}

int SignalWatch::take() {
    signalfd_siginfo info{};
    const auto size = ::read(descriptor_, &info, sizeof info);
    return size == static_cast<ssize_t>(sizeof info) ? static_cast<int>(info.ssi_signo) : 0;
}

}  // namespace virtbusctl
