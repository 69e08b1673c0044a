// SPDX-License-Identifier: LGPL-2.1-or-later
#include "support/console.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <chrono>

namespace virtbus::test {

namespace {

constexpr std::chrono::seconds console_patience{60};

}  // namespace

Console::Console(const sdbus::UnixFd& fd) : fd_(fd) {}

void Console::write(const std::string& text) {
    ASSERT_EQ(::write(fd_.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
}

bool Console::wait_for(const std::string& text) {
    const auto end = std::chrono::steady_clock::now() + console_patience;
    const auto start = output_.size();
    while (output_.find(text, start > text.size() ? start - text.size() : 0) == std::string::npos) {
        if (std::chrono::steady_clock::now() >= end) return false;
        pollfd poll_fd{fd_.get(), POLLIN, 0};
        if (::poll(&poll_fd, 1, 1'000) <= 0) continue;
        std::array<char, 4'096> buffer{};
        const auto length = ::read(fd_.get(), buffer.data(), buffer.size());
        if (length <= 0) return false;
        output_.append(buffer.data(), static_cast<std::size_t>(length));
    }
    return true;
}

int Console::count(const std::string& text) const {
    int count = 0;
    for (auto at = output_.find(text); at != std::string::npos; at = output_.find(text, at + 1)) ++count;
    return count;
}

}  // namespace virtbus::test
