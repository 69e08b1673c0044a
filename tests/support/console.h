// SPDX-License-Identifier: LGPL-2.1-or-later
// A machine's console, read and written by a test.
#pragma once

#include <sdbus-c++/sdbus-c++.h>

#include <string>

namespace virtbus::test {

/// A machine's console, as OpenConsole gives it.
class Console {
public:
    explicit Console(const sdbus::UnixFd& fd);

    void write(const std::string& text);
    /// Reads until `text` has come; false when the console ended or a minute passed before.
    bool wait_for(const std::string& text);
    /// How often `text` has come so far.
    [[nodiscard]] int count(const std::string& text) const;

private:
    sdbus::UnixFd fd_;
    std::string output_;
};

}  // namespace virtbus::test
