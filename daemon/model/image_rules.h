// SPDX-License-Identifier: LGPL-2.1-or-later
// What may be done to an image: rules that keep data from being lost, and guests from reading what is not theirs. Each
// throws an Error that names the image, whoever stands in the way, and the way out. Main thread only.
#pragma once

#include "model/hypervisor.h"
#include "model/jobs.h"

#include <string>
#include <vector>

namespace virtbus {

/// The pool; no_such_pool, or invalid_state when it is not running.
PoolPtr require_pool(Hypervisor& hypervisor, const std::string& name);
/// The same, and that virtbus can make and change images there; else not_supported.
PoolPtr require_writable_pool(Hypervisor& hypervisor, const std::string& name);
/// The image; no_such_image.
ImagePtr require_image(Hypervisor& hypervisor, const std::string& pool, const std::string& name);

/// Where a file is, by whatever path it is called.
struct FilePlace {
    PoolPtr pool;      ///< the one in whose directory; nothing for a file elsewhere
    std::string path;  ///< by which the pool has it, or would: the file may have been named through links, or with "//"
};

/// Looked up on a worker's thread, as a directory's file system may not answer. Throws as Hypervisor::run() does.
Task<FilePlace> find_place(std::shared_ptr<Hypervisor> hypervisor, std::string path);

/// already_exists when the pool has an image of that name.
void refuse_existing(Hypervisor& hypervisor, const std::string& pool, const std::string& name);
/// in_use when a machine that runs has it, or something below it, as a disk.
void refuse_running(Hypervisor& hypervisor, const Image& image, std::string_view verb);
/// in_use when a machine of another hypervisor runs that has it as a disk.
void refuse_running_elsewhere(Hypervisor& hypervisor, const Image& image, std::string_view verb);
/// in_use when any machine has it as a disk, now or when it starts next; `way_out` ends the text.
void refuse_machines(Hypervisor& hypervisor, const Image& image, std::string_view verb, std::string_view way_out);
/// in_use when images are based on it.
void refuse_overlays(Hypervisor& hypervisor, const Image& image, std::string_view verb);
/// Of the image and all that it is based on: not_supported for what is neither qcow2 nor raw, or is encrypted;
/// unsafe_image for what is in no pool, or is taken for another format than it has.
void require_plain(Hypervisor& hypervisor, const Image& image, std::string_view verb);
/// no_space when the pool has less than `needed` bytes left.
void require_space(const Pool& pool, std::uint64_t needed);

/// Claims the images that a machine's disks are, before it starts: in_use when a job works on one of them, or when
/// others are based on one that the machine would write to; unsafe_image as above, or for a raw one that is taken for
/// anything else.
Claims::Claim claim_disks(Jobs& jobs, Hypervisor& hypervisor, const std::string& who, const std::vector<Disk>& disks);

}  // namespace virtbus
