// SPDX-License-Identifier: LGPL-2.1-or-later
// What the methods that make images have in common among their options. All throw Error invalid_args naming the key.
#pragma once

#include "bus/options.h"
#include "model/image_jobs.h"

#include <optional>
#include <string>

namespace virtbus::bus {

/// "format" and "preallocation"; `format` where none is given.
NewImage take_new_image(Options& options, const std::string& pool, const std::string& name, const std::string& format);

/// The image of `hypervisor` that is at a path.
ImageRef image_at(const std::string& key, const sdbus::ObjectPath& path, const std::string& hypervisor);
/// The pool, or image, of `hypervisor` that is at a path, if one is given.
std::optional<PoolRef> take_pool(Options& options, const std::string& key, const std::string& hypervisor);
std::optional<ImageRef> take_image(Options& options, const std::string& key, const std::string& hypervisor);

Preallocation take_preallocation(Options& options, const std::string& format);

std::optional<std::string> take_sha256(Options& options);

}  // namespace virtbus::bus
