// SPDX-License-Identifier: LGPL-2.1-or-later
// A small file in the state directory that is replaced as a whole, and survives a crash at any moment. Main thread only;
// the disk is waited for on a thread of its own.
#pragma once

#include "base/task.h"
#include "model/worker_lane.h"

#include <filesystem>
#include <optional>
#include <string>

namespace virtbus {

class StateFile {
public:
    StateFile(asio::io_context& loop, std::filesystem::path path);

    /// What it holds; nothing if it is not there. Blocks: for the start of the daemon.
    [[nodiscard]] std::optional<std::string> read() const;

    /// Replaces what it holds; on disk when it returns. Error failed, naming the file.
    Task<> write(std::string text);

    [[nodiscard]] const std::filesystem::path& path() const { return path_; }

private:
    std::filesystem::path path_;
    WorkerLane writer_;  // one thread: what is written last stays
};

}  // namespace virtbus
