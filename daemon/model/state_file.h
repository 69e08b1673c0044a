// SPDX-License-Identifier: LGPL-2.1-or-later
// A small file in the state directory that is replaced as a whole, and survives a crash at any moment. Main thread
// only; the disk is waited for on a thread of its own.
#pragma once

#include "base/task.h"
#include "model/worker_lane.h"

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
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

    /// Replaces it, for nobody to wait for, with what `text` gives after a pause, or at the next turn of the loop: once
    /// for all who ask meanwhile, and again after a while as long as that fails, such as on a full disk.
    void write_later(std::function<std::string()> text, std::chrono::milliseconds pause = {});

    [[nodiscard]] const std::filesystem::path& path() const { return path_; }

private:
    static Task<> write_at_last(std::weak_ptr<StateFile*> self, asio::io_context& loop,
                                std::function<std::string()> text, std::chrono::milliseconds pause);

    asio::io_context& loop_;
    std::filesystem::path path_;
    WorkerLane writer_;  // one thread: what is written last stays
    bool due_ = false;   // it will be written
    std::shared_ptr<StateFile*> self_ = std::make_shared<StateFile*>(this);
};

}  // namespace virtbus
