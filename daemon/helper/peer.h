// SPDX-License-Identifier: LGPL-2.1-or-later
// Whom the helper works for: the other end of its socket, and what that may ask for. When that end is closed, or we are
// told to terminate, nobody wants the work any more. One thread.
#pragma once

#include "base/unique_fd.h"
#include "model/allowed_files.h"

#include <poll.h>
#include <nlohmann/json_fwd.hpp>

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace virtbus {

/// What is done for a peer. One that started the helper itself could do all of it itself.
struct Scope {
    std::optional<AllowedFiles> files;  ///< what it may name; nothing: whatever it likes
    std::string part;                   ///< the one part of the program's work; "": all of it
};

class Peer {
public:
    /// From here on SIGTERM, SIGINT and SIGHUP are heard here, and end nothing by themselves.
    explicit Peer(int socket);

    /// From now on only that is done for it.
    void limit(Scope scope) { scope_ = std::move(scope); }
    /// Waits for the request, one line. Error cancelled when none comes.
    std::string request();
    /// The descriptors that came with it.
    std::vector<UniqueFd> take_files() { return std::move(files_); }

    [[nodiscard]] const std::string& part() const { return scope_.part; }
    /// Error invalid_args if it may not name this file, or the root of this container, as AllowedFiles has it.
    void require_file(std::string_view key, const std::string& path) const;
    void require_root(std::string_view key, const std::string& path) const;

    /// Says how far the work is, in bytes, though not more often than anybody looks.
    void at(std::uint64_t processed, std::uint64_t total);
    /// The last that is said.
    void answer(const nlohmann::json& message) const;

    /// What to poll(2): cancelled() of what comes of it says whether it is over.
    [[nodiscard]] std::array<pollfd, 2> files() const;
    [[nodiscard]] static bool cancelled(const std::array<pollfd, 2>& files);
    /// Error cancelled if nobody wants it any more.
    void refuse_cancelled() const;

private:
    int socket_;
    Scope scope_;
    UniqueFd signals_;
    std::vector<UniqueFd> files_;
    std::chrono::steady_clock::time_point told_;
};

}  // namespace virtbus
