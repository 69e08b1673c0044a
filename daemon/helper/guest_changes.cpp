// SPDX-License-Identifier: LGPL-2.1-or-later
#include "helper/guest_changes.h"

#include <fmt/format.h>

#include <exception>

namespace virtbus {

void GuestChanges::patch(const std::string& path, std::uint64_t offset, std::string_view bytes) {
    auto before = files_.read(path, offset, bytes.size());
    back_.emplace_back([this, path, offset, before = std::move(before)] { files_.write(path, offset, before); });
    files_.write(path, offset, bytes);
}

// Written over before it is cut: where the sizes are equal, as they mostly are, a crash leaves one or the other.
void GuestChanges::rewrite(const std::string& path, std::size_t size, std::string_view content) {
    auto before = files_.read(path, 0, size);
    back_.emplace_back([this, path, before = std::move(before)] {
        if (!before.empty()) files_.write(path, 0, before);
        files_.cut(path, before.size());
    });
    if (!content.empty()) files_.write(path, 0, content);
    if (content.size() < size) files_.cut(path, content.size());
}

void GuestChanges::create(const std::string& path, std::string_view content, mode_t mode) {
    files_.create(path, content, mode);
    back_.emplace_back([this, path] { files_.remove(path); });
}

void GuestChanges::replace_by_link(const std::string& path, const std::string& target) {
    const auto aside = path + ".virtbus-old";
    files_.rename(path, aside);
    back_.emplace_back([this, path, aside] { files_.rename(aside, path); });
    aside_.push_back(aside);
    files_.link(target, path);
    back_.emplace_back([this, path] { files_.remove(path); });
}

void GuestChanges::keep() {
    for (const auto& path : aside_) files_.remove(path);
    aside_.clear();
    back_.clear();
}

void GuestChanges::give_up(const Error& error) {
    if (put_back()) throw Error(error);
    throw Error(error.code(), fmt::format("{}; and not all that was changed before could be put back", error.what()));
}

bool GuestChanges::put_back() noexcept {
    bool is_whole = true;
    for (auto step = back_.rbegin(); step != back_.rend(); ++step) {
        try {
            (*step)();
        } catch (const std::exception&) {
            is_whole = false;
        }
    }
    const bool is_changed = !back_.empty();
    back_.clear();
    aside_.clear();
    try {
        if (is_changed) files_.settle();
    } catch (const std::exception&) {
        is_whole = false;
    }
    return is_whole;
}

}  // namespace virtbus
