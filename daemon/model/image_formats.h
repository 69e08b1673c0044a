// SPDX-License-Identifier: LGPL-2.1-or-later
// What format images have, as far as somebody who should know has said so: virtbus, when it made them, or a machine's
// definition. A guest that owns a raw disk can write the header of any other format into it, and have its host read
// files through that; so what was once said counts, not what is found in the file. Main thread only.
#pragma once

#include "model/state_file.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace virtbus {

/// The file that another takes the place of.
struct ReplacedFile {
    std::uint64_t inode = 0;  ///< 0: none
    std::string format;
};

class ImageFormats {
public:
    /// Reads what `file` holds. A damaged file is logged and begun anew.
    ImageFormats(asio::io_context& loop, std::filesystem::path file);

    /// The format of the file at `path`, if it is still the same file: `inode` 0 is not known.
    std::optional<std::string> find(const std::string& path, std::uint64_t inode);

    /// Says what a file is; lasts when it returns. `inode` 0: the next file that is seen there, but not the one that it
    /// replaces, which has another format as long as it is there.
    Task<> declare(std::string path, std::uint64_t inode, std::string format, ReplacedFile replaced = {});
    /// There will be no new file: the one that it was to replace stays.
    void withdraw(const std::string& path);
    /// The same, for nobody to wait for.
    void declare_later(const std::string& path, std::uint64_t inode, const std::string& format);
    void forget(const std::string& path);

private:
    struct Record {
        std::uint64_t inode = 0;  ///< 0: that of the next file seen there
        std::string format;
        ReplacedFile replaced;
    };

    void save_later();
    [[nodiscard]] std::string text() const;

    StateFile file_;
    std::map<std::string, Record> records_;
};

}  // namespace virtbus
