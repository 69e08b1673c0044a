// SPDX-License-Identifier: LGPL-2.1-or-later
// The daemon's errors as D-Bus errors: the one table of their names.
#pragma once

#include "model/error.h"

#include <sdbus-c++/sdbus-c++.h>

#include <exception>
#include <string_view>

namespace virtbus::bus {

/// The D-Bus error name of `code`: a constant of ours, never text from elsewhere, as a bad name costs the connection.
std::string_view error_name(Code code);

/// Any exception as the error that a caller gets. What is not ours becomes org.virtbus1.Error.Internal, and is logged.
sdbus::Error to_bus_error(const std::exception_ptr& failure);

}  // namespace virtbus::bus
