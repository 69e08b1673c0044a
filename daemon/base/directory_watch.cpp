// SPDX-License-Identifier: LGPL-2.1-or-later
#include "base/directory_watch.h"

#include <sys/inotify.h>
#include <unistd.h>
#include <asio/posix/stream_descriptor.hpp>

#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>

namespace virtbus {

namespace {

// Not IN_CREATE, where nobody asks for it: a file that is being copied there is told when it is whole.
constexpr std::uint32_t events =
    IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;

int open_inotify() {
    const int fd = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (fd < 0) throw std::system_error(errno, std::generic_category(), "inotify_init1");
    return fd;
}

}  // namespace

struct DirectoryWatch::State {
    State(asio::io_context& loop, std::function<void(std::string_view)> callback)
        : descriptor(loop, open_inotify()), changed(std::move(callback)) {}

    asio::posix::stream_descriptor descriptor;
    std::function<void(std::string_view)> changed;  // empty: the watch has ended
};

DirectoryWatch::DirectoryWatch(asio::io_context& loop, const std::string& directory,
                               std::function<void(std::string_view)> changed, Links links)
    : state_(std::make_shared<State>(loop, std::move(changed))) {
    if (::inotify_add_watch(state_->descriptor.native_handle(), directory.c_str(),
                            links == Links::told ? events | IN_CREATE : events) < 0)
        throw std::system_error(errno, std::generic_category(), directory);
    wait(state_);
}

DirectoryWatch::~DirectoryWatch() {
    state_->changed = nullptr;
    asio::error_code ignored;
    state_->descriptor.close(ignored);
}

void DirectoryWatch::wait(std::shared_ptr<State> state) {
    auto& descriptor = state->descriptor;
    descriptor.async_wait(asio::posix::stream_descriptor::wait_read,
                          [state = std::move(state)](const asio::error_code& error) {
                              if (error || !state->changed) return;
                              read(*state);
                              if (state->changed) wait(state);
                          });
}

void DirectoryWatch::read(State& state) {
    alignas(inotify_event) std::array<char, 16'384> buffer{};
    for (;;) {
        const auto length = ::read(state.descriptor.native_handle(), buffer.data(), buffer.size());
        if (length <= 0) return;
        for (std::size_t at = 0; at < static_cast<std::size_t>(length);) {
            inotify_event event{};
            std::memcpy(&event, buffer.data() + at, sizeof(event));
            const char* name = buffer.data() + at + sizeof(event);
            if (state.changed) state.changed(event.len > 0 ? name : "");
            at += sizeof(event) + event.len;
        }
    }
}

}  // namespace virtbus
