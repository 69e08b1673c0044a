// SPDX-License-Identifier: LGPL-2.1-or-later
// Disks that are only to be read: a file system cannot be read without writing, since its journal is replayed, so each
// gets a layer above it, which takes what is written and is thrown away. libguestfs makes such layers too, but so that
// QEMU looks into the guest's data for the format, and a guest could lead it to other files. One thread.
#pragma once

#include "helper/image_lock.h"
#include "helper/peer.h"
#include "model/image_tool.h"

#include <filesystem>
#include <string>
#include <vector>

namespace virtbus {

/// Error in_use if somebody does with a disk what cannot be borne, no_such_image, or invalid_args if it is no disk.
void check_disks(const std::vector<ImageFile>& disks, Hold hold);

class DiskLayers {
public:
    /// In a directory of their own below `temporary`. They take no lock: a machine may start meanwhile, and whoever
    /// read has to look again.
    DiskLayers(const Peer& peer, const std::vector<ImageFile>& disks, const std::string& temporary);
    DiskLayers(const DiskLayers&) = delete;
    DiskLayers& operator=(const DiskLayers&) = delete;
    ~DiskLayers();

    [[nodiscard]] const std::vector<ImageFile>& layers() const { return layers_; }

private:
    std::filesystem::path directory_;
    std::vector<ImageFile> layers_;
};

}  // namespace virtbus
