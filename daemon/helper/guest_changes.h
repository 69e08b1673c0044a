// SPDX-License-Identifier: LGPL-2.1-or-later
// Changes of a guest's files that can be put back: all of them, or none. One thread.
#pragma once

#include "helper/guest_files.h"
#include "model/error.h"

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace virtbus {

class GuestChanges {
public:
    explicit GuestChanges(GuestFiles& files) : files_(files) {}

    /// Writes over a part of a file.
    void patch(const std::string& path, std::uint64_t offset, std::string_view bytes);
    /// Gives a file that is there, of `size` bytes, another content, in place: it keeps owner, mode and labels.
    void rewrite(const std::string& path, std::size_t size, std::string_view content);
    void create(const std::string& path, std::string_view content, mode_t mode);
    /// Puts a link where a file or another link is.
    void replace_by_link(const std::string& path, const std::string& target);

    /// They stay.
    void keep();
    /// They are put back, the last first, and the Error is thrown; it says so if not all could be.
    [[noreturn]] void give_up(const Error& error);

private:
    using Step = std::function<void()>;

    bool put_back() noexcept;

    GuestFiles& files_;
    std::vector<Step> back_;
    std::vector<std::string> aside_;
};

}  // namespace virtbus
