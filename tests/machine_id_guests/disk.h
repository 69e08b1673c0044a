// SPDX-License-Identifier: LGPL-2.1-or-later
// The disk of a Debian guest, as a raw image that debugfs reads and edits: no mount, no root, and none of virtbus's own
// code, which is what the tests judge. On any thread; one at a time a disk, and never while a guest runs on it.
#pragma once

#include "support/temporary_directory.h"

#include <filesystem>
#include <string>

namespace virtbus::test {

class Disk {
public:
    /// A copy of an image, of any format that QEMU knows; of all of its chain, when it has a backing image.
    explicit Disk(const std::filesystem::path& image);

    [[nodiscard]] std::filesystem::path image() const { return directory_.path / "disk.raw"; }

    /// What a regular file of the guest holds; throws where there is none.
    [[nodiscard]] std::string read(const std::string& path) const;
    /// Where a symbolic link of the guest points; "" where there is none.
    [[nodiscard]] std::string link(const std::string& path) const;
    /// Puts a regular file in the place of what is there. Root owns it, and everybody may read it.
    void write(const std::string& path, const std::string& content);

private:
    [[nodiscard]] std::string ask(const std::string& request) const;

    TemporaryDirectory directory_;
};

}  // namespace virtbus::test
