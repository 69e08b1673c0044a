// SPDX-License-Identifier: LGPL-2.1-or-later
// libvirt's errors become ours here, and nowhere else. libvirt keeps the last error for each thread, and nearly every
// call of its API resets it: it is copied at once, in the thread that got it.
#pragma once

#include "model/error.h"

#include <libvirt/libvirt.h>

#include <string>

namespace virtbus {

/// A copy of libvirt's last error.
struct LibvirtError {
    int code = 0;          ///< virErrorNumber
    int domain = 0;        ///< virErrorDomain: which part of libvirt
    int number = 0;        ///< errno, for some codes
    std::string argument;  ///< which of libvirt's own arguments was wrong, for VIR_ERR_INVALID_ARG
    std::string message;   ///< UTF-8
};

/// Copies this thread's last error.
LibvirtError last_error();

/// The code that one of virErrorNumber means to us; `failed` for those that have no name of their own.
Code code_from(int error_number);

/// The same for a whole error. What a call died of with its `connection` (which may be null) is `disconnected`,
/// whatever libvirt calls it; a flag that a driver doesn't know is `not_supported`.
Code code_from(const LibvirtError& error, virConnectPtr connection);

/// Throws our Error for libvirt's; `what` begins the message, such as "Cannot start web".
[[noreturn]] void throw_error(virConnectPtr connection, const LibvirtError& error, const std::string& what);

/// The same for this thread's last error. `connection` may be null.
[[noreturn]] void throw_last(virConnectPtr connection, const std::string& what);

}  // namespace virtbus
