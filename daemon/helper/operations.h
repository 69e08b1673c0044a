// SPDX-License-Identifier: LGPL-2.1-or-later
// What the helper can do, one function each, as model/image_tool.h says it: a request's fields in, the answer out, an
// Error otherwise. None leaves a temporary file behind when it fails. One thread.
#pragma once

#include "helper/peer.h"
#include "model/image_tool.h"

#include <nlohmann/json.hpp>

#include <string>

namespace virtbus::operations {

using Json = nlohmann::json;

// making.cpp
Json create(const Json& request, Peer& peer);
Json convert(const Json& request, Peer& peer);
Json rebase(const Json& request, Peer& peer);
Json adopt(const Json& request, Peer& peer);
Json publish(const Json& request, Peer& peer);

// changing.cpp
Json measure(const Json& request, Peer& peer);
Json resize(const Json& request, Peer& peer);
Json wipe(const Json& request, Peer& peer);
Json check(const Json& request, Peer& peer);
Json remove_temporary(const Json& request, Peer& peer);

// host.cpp
Json host_ensure(const Json& request, Peer& peer);
Json host_link_dbus(const Json& request, Peer& peer);
Json host_replace(const Json& request, Peer& peer);

// All paths of a request come from these three, which know what the peer may name.

/// The image that a request names, once it is known to be a file that holds its data itself, and of a format that QEMU
/// reads from one.
ImageFile image_of(const Json& request, const char* key, const Peer& peer);
/// The file that a request makes, of a format that we make.
NewFile target_of(const Json& request, const Peer& peer);
std::string directory_of(const Json& request, const Peer& peer);

struct Measure {
    std::uint64_t required = 0;  ///< if what is not allocated stays so
    std::uint64_t full = 0;      ///< if all is allocated
};

Measure measure_image(const Peer& peer, const ImageFile& source, const std::string& format);

/// Makes an empty image in the target's temporary file.
void make_image(const Peer& peer, int fd, const std::string& path, const NewFile& file, std::uint64_t size,
                const std::optional<ImageFile>& backing);

}  // namespace virtbus::operations
