// SPDX-License-Identifier: LGPL-2.1-or-later
// Descriptors that callers hand over: they may be anything.
#pragma once

#include "base/unique_fd.h"

#include <sdbus-c++/sdbus-c++.h>

#include <memory>
#include <string_view>

namespace virtbus::bus {

enum class Access { reading, writing };

/// Takes it over. Error invalid_args, naming `key`, for what is no regular file, pipe or stream socket, or is not open
/// for `access`.
std::shared_ptr<UniqueFd> take_descriptor(std::string_view key, sdbus::UnixFd descriptor, Access access);

}  // namespace virtbus::bus
