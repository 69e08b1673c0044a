// SPDX-License-Identifier: LGPL-2.1-or-later
#include "helper/helper_service.h"

#include "model/error.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

namespace virtbus {

namespace {

/// How long systemd may take to have room for another connection.
constexpr timeval patience{10, 0};

/// The socket is named after its units.
std::string unit_of(const std::string& path) { return "virtbus-" + std::filesystem::path(path).filename().string(); }

}  // namespace

HelperService::HelperService(std::string socket_path) : path_(std::move(socket_path)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path_.copy(static_cast<char*>(address.sun_path), sizeof address.sun_path - 1);
    socket_ = UniqueFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        throw Error(Code::failed, fmt::format("Cannot reach the helper at {}: {}; see systemctl status {}.socket",
                                              path_, ::strerrordesc_np(errno), unit_of(path_)));
}

std::string HelperService::wait() {
    socket_ = UniqueFd();
    return fmt::format("ended early; journalctl -u '{}@*' may say why", unit_of(path_));
}

}  // namespace virtbus
