// SPDX-License-Identifier: LGPL-2.1-or-later
// Tells that files in a directory came, went, or were written and closed: inotify(7). Main thread only.
#pragma once

#include <asio/io_context.hpp>

#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace virtbus {

class DirectoryWatch {
public:
    /// Whether links that are made there are told; then files are, too, before anything is in them.
    enum class Links { untold, told };

    /// Calls `changed` with the names of files, until this is destroyed. Throws std::system_error where the directory
    /// may not be watched.
    DirectoryWatch(asio::io_context& loop, const std::string& directory, std::function<void(std::string_view)> changed,
                   Links links = Links::untold);
    DirectoryWatch(const DirectoryWatch&) = delete;
    DirectoryWatch& operator=(const DirectoryWatch&) = delete;
    ~DirectoryWatch();

private:
    struct State;

    static void wait(std::shared_ptr<State> state);
    static void read(State& state);

    std::shared_ptr<State> state_;
};

}  // namespace virtbus
