// SPDX-License-Identifier: LGPL-2.1-or-later
// The file that an export goes to. Half an image is worse than none: what is not kept is removed again.
#pragma once

#include <string>

namespace virtbusctl {

class ExportFile {
public:
    /// Makes it. With `replace` a file that is there already stays as it is until the new one is kept, and anything
    /// else that is there, such as a pipe, is written to. Throws Failure.
    ExportFile(const std::string& file, bool replace);
    ExportFile(const ExportFile&) = delete;
    ExportFile& operator=(const ExportFile&) = delete;
    ~ExportFile();

    [[nodiscard]] int descriptor() const { return descriptor_; }
    /// It is whole. Throws Failure.
    void keep();
    /// Somebody else goes on writing it: where it stays.
    std::string leave();

private:
    void replace_file();

    std::string file_;
    std::string written_;  // a name of its own until it is whole, when it replaces another; else the same
    int descriptor_ = -1;
    bool remove_ = true;
};

}  // namespace virtbusctl
