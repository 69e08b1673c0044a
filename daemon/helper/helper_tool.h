// SPDX-License-Identifier: LGPL-2.1-or-later
// Work on images by virtbus-helper, one process of it a call. Blocks, so: worker threads, several at once.
#pragma once

#include "helper/helper_place.h"
#include "model/image_tool.h"

#include <utility>

namespace virtbus {

/// A call that is cancelled ends with Error cancelled when the helper has cleaned up and ended; what was done before
/// the helper heard of it is done, and the call returns as ever.
class HelperTool : public ImageTool {
public:
    explicit HelperTool(HelperPlace place) : place_(std::move(place)) {}

    void create(const NewFile& target, std::uint64_t size, const std::optional<ImageFile>& backing,
                Transfer& transfer) override;
    std::uint64_t measure(const ImageFile& source, const std::string& format) override;
    void convert(const ImageFile& source, const NewFile& target, Transfer& transfer) override;
    void rebase(const ImageFile& image, const NewFile& target, const ImageFile& backing, Transfer& transfer) override;
    void resize(const ImageFile& image, std::uint64_t size, bool shrink) override;
    void wipe(const ImageFile& image, const NewFile& target, std::uint64_t size, Transfer& transfer) override;
    CheckReport check(const ImageFile& image, Transfer& transfer) override;
    void adopt(const NewFile& target, Transfer& transfer) override;
    void publish(const NewFile& target) override;
    void remove_temporary(const std::string& directory, const std::string& temporary) override;

private:
    HelperPlace place_;
};

}  // namespace virtbus
