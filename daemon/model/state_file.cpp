// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/state_file.h"

#include "base/log.h"
#include "base/unique_fd.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <utility>

namespace virtbus {

namespace {

constexpr std::size_t most_waiting = 1'000;
constexpr std::chrono::seconds write_patience{30};

/// When what could not be written is written again; twice as long each time.
constexpr std::chrono::milliseconds soonest_rewrite{1'000};
constexpr std::chrono::milliseconds latest_rewrite{60'000};

void check(bool good, const std::filesystem::path& path) {
    if (!good) throw Error(Code::failed, fmt::format("Cannot write {}: {}", path.string(), std::strerror(errno)));
}

void write_all(int fd, const std::string& text, const std::filesystem::path& path) {
    for (std::size_t at = 0; at < text.size();) {
        const auto written = ::write(fd, text.data() + at, text.size() - at);
        check(written > 0, path);
        at += static_cast<std::size_t>(written);
    }
}

void replace(const std::filesystem::path& path, const std::string& text) {
    std::error_code ignored;  // what is wrong shows when the file is opened
    if (std::filesystem::create_directories(path.parent_path(), ignored))
        std::filesystem::permissions(path.parent_path(), std::filesystem::perms::owner_all, ignored);
    auto temporary = path;
    temporary += ".new";
    const UniqueFd file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
    check(static_cast<bool>(file), temporary);
    write_all(file.get(), text, temporary);
    check(::fsync(file.get()) == 0, temporary);
    check(::rename(temporary.c_str(), path.c_str()) == 0, path);
    const UniqueFd directory(::open(path.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    check(directory && ::fsync(directory.get()) == 0, path);
}

}  // namespace

StateFile::StateFile(asio::io_context& loop, std::filesystem::path path)
    : loop_(loop), path_(std::move(path)), writer_(loop, path_.string(), 1, most_waiting) {}

std::optional<std::string> StateFile::read() const {
    std::ifstream file(path_);
    if (!file) return std::nullopt;
    return std::string(std::istreambuf_iterator<char>(file), {});
}

Task<> StateFile::write(std::string text) {
    auto work = [path = path_, text = std::move(text)] { replace(path, text); };
    co_await writer_.run(std::move(work), write_patience);
}

void StateFile::write_later(std::function<std::string()> text, std::chrono::milliseconds pause) {
    if (!std::exchange(due_, true))
        spawn(loop_, write_at_last(self_, loop_, std::move(text), pause), "writing " + path_.string());
}

/// The file may go at each pause.
Task<> StateFile::write_at_last(std::weak_ptr<StateFile*> self, asio::io_context& loop,
                                std::function<std::string()> text, std::chrono::milliseconds pause) {
    for (auto retry = soonest_rewrite;; retry = std::min(retry * 2, latest_rewrite)) {
        if (pause > std::chrono::milliseconds::zero()) co_await let_pass(loop, pause);
        if (self.expired()) co_return;
        auto& file = **self.lock();
        file.due_ = false;
        try {
            co_await file.write(text());
            co_return;
        } catch (const Error& error) {
            log::error(error.what());
        }
        if (self.expired() || std::exchange(file.due_, true)) co_return;
        pause = retry;
    }
}

}  // namespace virtbus
