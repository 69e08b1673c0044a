// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libvirt/event_loop.h"

#include "libvirt/error.h"

#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

#include <csignal>

namespace virtbus {

namespace {

// While stopping, the tick keeps each turn from waiting; these are for what libvirt has put off to the loop.
constexpr int last_turns = 8;

/// Without it libvirt prints every error to standard error.
void say_nothing(void*, virErrorPtr) {}

void tick(int, void*) {}

}  // namespace

EventLoop::EventLoop() {
    // libvirt writes to the sockets of daemons that may have gone.
    std::signal(SIGPIPE, SIG_IGN);
    virSetErrorFunc(nullptr, say_nothing);
    // The second time it changes nothing: libvirt keeps the implementation that it has.
    if (virInitialize() < 0 || virEventRegisterDefaultImpl() < 0) throw_last(nullptr, "Cannot prepare libvirt");
    tick_ = virEventAddTimeout(-1, tick, nullptr, nullptr);
    if (tick_ < 0) throw_last(nullptr, "Cannot prepare libvirt's event loop");
    thread_ = std::thread([this] { run(); });
}

EventLoop::~EventLoop() {
    stopping_ = true;
    virEventUpdateTimeout(tick_, 0);
    thread_.join();
    virEventRemoveTimeout(tick_);
}

void EventLoop::run() {
    while (!stopping_) virEventRunDefaultImpl();
    for (int turn = 0; turn < last_turns; ++turn) virEventRunDefaultImpl();
}

}  // namespace virtbus
