// SPDX-License-Identifier: LGPL-2.1-or-later
// A machine's console, as OpenConsole gives it, in a test's hands.
#pragma once

#include <sdbus-c++/sdbus-c++.h>

#include <chrono>
#include <string>

namespace virtbus::test {

class Console {
public:
    explicit Console(const sdbus::UnixFd& fd);

    void write(const std::string& text);
    /// Reads until `text` has come; false when the console ended or `patience` passed before.
    bool wait_for(const std::string& text, std::chrono::seconds patience = std::chrono::minutes(3));
    /// What has come so far, and how often `text` has.
    [[nodiscard]] const std::string& output() const { return output_; }
    [[nodiscard]] int count(const std::string& text) const;

private:
    sdbus::UnixFd fd_;
    std::string output_;
};

}  // namespace virtbus::test
