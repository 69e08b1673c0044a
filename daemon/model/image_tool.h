// SPDX-License-Identifier: LGPL-2.1-or-later
// Work on the files of images on this host, which libvirt cannot do, or not so that it can be cancelled: helper/
// implements it by a small program of its own, and tests fake it. The functions block and throw Error; they are called
// on worker threads, several at once. Formats are always given, never guessed.
#pragma once

#include "model/image.h"
#include "model/transfer.h"

#include <cstdint>
#include <optional>
#include <string>

namespace virtbus {

struct ImageFile {
    std::string path;
    std::string format;
};

/// A file that is made under a temporary name, and gets its own when it is whole, in one step.
struct NewFile {
    std::string directory;
    std::string temporary;  ///< its name while it is made
    std::string name;       ///< empty: it stays under the temporary one, for whoever asked to remove
    std::string format = "qcow2";
    Preallocation preallocation = Preallocation::off;
    bool replace = false;  ///< takes the place of the file of that name; else already_exists where there is one
};

struct CheckReport {
    std::uint64_t corruptions = 0;
    std::uint64_t leaks = 0;
    std::uint64_t errors = 0;  ///< of the check itself
};

class ImageTool {
public:
    virtual ~ImageTool() = default;

    virtual void create(const NewFile& target, std::uint64_t size, const std::optional<ImageFile>& backing,
                        Transfer& transfer) = 0;
    /// How many bytes a copy of `source`, with what it is based on, takes at most.
    virtual std::uint64_t measure(const ImageFile& source, const std::string& format) = 0;
    /// Copies `source`, with what it is based on.
    virtual void convert(const ImageFile& source, const NewFile& target, Transfer& transfer) = 0;
    /// `target` becomes `image`, based on another; replaces it.
    virtual void rebase(const ImageFile& image, const NewFile& target, const ImageFile& backing,
                        Transfer& transfer) = 0;
    virtual void resize(const ImageFile& image, std::uint64_t size, bool shrink) = 0;
    /// Overwrites all that `image` holds. A qcow2 image is replaced by `target`, an empty one of `size`, before.
    virtual void wipe(const ImageFile& image, const NewFile& target, std::uint64_t size, Transfer& transfer) = 0;
    virtual CheckReport check(const ImageFile& image, Transfer& transfer) = 0;
    /// Gives a temporary file its own name, if it is a sound image that stands alone: else unsafe_image.
    virtual void adopt(const NewFile& target, Transfer& transfer) = 0;
    /// Gives a temporary file its own name; whoever asks knows what is in it. already_exists when the name is taken;
    /// no_such_image when the file is not there.
    virtual void publish(const NewFile& target) = 0;
    /// Removes a temporary file, if it is there. Refuses every other name.
    virtual void remove_temporary(const std::string& directory, const std::string& temporary) = 0;
};

}  // namespace virtbus
