// SPDX-License-Identifier: LGPL-2.1-or-later
// The part of the port that is about pools and images; everything in port.h about threads and errors holds here too.
#pragma once

#include "base/unique_fd.h"
#include "model/image.h"
#include "model/pool.h"
#include "model/transfer.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace virtbus {

using ImagePtr = std::shared_ptr<const Image>;
/// The images of one pool, by name.
using ImageMap = std::unordered_map<std::string, ImagePtr>;

class StoragePort {
public:
    virtual ~StoragePort() = default;

    // Reading.
    /// The names of all pools.
    virtual std::vector<std::string> list_pools() = 0;
    virtual std::optional<Pool> read_pool(const std::string& name) = 0;
    /// The images of a pool, without temporary files; none of a pool that is gone or not running. Those whose file
    /// has the stamp that `known` says are not read again, but taken from there.
    virtual ImageMap list_images(const std::string& pool, const ImageMap& known) = 0;

    // Pools.
    /// Defines, builds and starts a pool of type dir.
    virtual void create_pool(const PoolSpec& spec) = 0;
    virtual void start_pool(const std::string& name) = 0;
    virtual void stop_pool(const std::string& name) = 0;
    /// Stops it, and removes its definition.
    virtual void delete_pool(const std::string& name) = 0;
    virtual void set_pool_autostart(const std::string& name, bool autostart) = 0;
    /// Lets libvirt look again at what there is.
    virtual void refresh_pool(const std::string& name) = 0;

    // Images.
    virtual void delete_image(const std::string& pool, const std::string& name) = 0;
    /// Makes a file that is no image yet, called `name`, and writes into it what `source` gives, from where it stands
    /// to its end: a regular file, a pipe or a socket. Returns how many bytes came. unsafe_image when a `format` of
    /// qcow2 has a header that no image may have: before a byte of it is written. `sha256`: also their digest.
    virtual std::uint64_t upload(const std::string& pool, const std::string& name, const std::string& format,
                                 const UniqueFd& source, Transfer& transfer, std::string* sha256) = 0;
    /// Writes an image's file, as it is, to `target`. Returns how many bytes went.
    virtual std::uint64_t download(const std::string& pool, const std::string& name, const UniqueFd& target,
                                   Transfer& transfer) = 0;
};

}  // namespace virtbus
