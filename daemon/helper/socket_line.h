// SPDX-License-Identifier: LGPL-2.1-or-later
// What goes through the socket between virtbusd and a helper, both sides: lines, and descriptors with them, unix(7).
#pragma once

#include "base/unique_fd.h"

#include <string>
#include <vector>

namespace virtbus {

/// How many descriptors may go with a line: three streams, and a container's namespaces.
constexpr std::size_t line_files_max = 16;

/// Sends all of it, and `files` with its first byte. False when nobody listens any more.
bool send_line(int socket, const std::string& line, const std::vector<int>& files);

/// Appends what has come to `received` and `files`; false when nothing more comes. Blocks where nothing is there.
bool receive_some(int socket, std::string& received, std::vector<UniqueFd>& files);

}  // namespace virtbus
