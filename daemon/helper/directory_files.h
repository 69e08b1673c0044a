// SPDX-License-Identifier: LGPL-2.1-or-later
// The files of a container's system, below a directory of this host; see model/system_root.h. One thread.
#pragma once

#include "helper/guest_files.h"
#include "model/system_root.h"

namespace virtbus {

class DirectoryFiles : public GuestFiles {
public:
    explicit DirectoryFiles(const std::string& root) : root_(root) {}

    FileFacts look(const std::string& path) override;
    FileFacts look_through(const std::string& path) override;
    std::string read(const std::string& path, std::uint64_t offset, std::size_t size) override;
    /// Nothing: it is boot entries that are looked for so, and a container boots without a boot loader.
    std::vector<std::string> match(const std::string& pattern) override;
    void write(const std::string& path, std::uint64_t offset, std::string_view bytes) override;
    void cut(const std::string& path, std::uint64_t size) override;
    void create(const std::string& path, std::string_view content, mode_t mode) override;
    void link(const std::string& target, const std::string& path) override;
    void rename(const std::string& from, const std::string& to) override;
    void remove(const std::string& path) override;
    void settle() override;

private:
    [[nodiscard]] UniqueFd open(const std::string& path, int flags) const;
    [[nodiscard]] Place place(const std::string& path) const;

    SystemRoot root_;
};

}  // namespace virtbus
