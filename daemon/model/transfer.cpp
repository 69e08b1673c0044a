// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/transfer.h"

#include "model/error.h"

#include <sys/eventfd.h>

#include <cerrno>
#include <system_error>

namespace virtbus {

Transfer::Transfer() : event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (!event_) throw std::system_error(errno, std::generic_category(), "eventfd");
}

void Transfer::cancel() {
    cancelled_ = true;
    // It can fail only when it was told 2^64 times already.
    static_cast<void>(::eventfd_write(event_.get(), 1));
}

void Transfer::refuse_cancelled() const {
    if (cancelled_) throw Error(Code::cancelled, "cancelled");
}

}  // namespace virtbus
