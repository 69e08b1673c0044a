// SPDX-License-Identifier: LGPL-2.1-or-later
#include "helper/socket_line.h"

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace virtbus {

namespace {

constexpr std::size_t files_bytes = line_files_max * sizeof(int);

/// Room for descriptors, aligned as the kernel wants it.
union Control {
    cmsghdr header;
    std::array<char, CMSG_SPACE(files_bytes)> bytes;
};

msghdr message_of(iovec& text, Control& control, std::size_t control_size) {
    msghdr message{};
    message.msg_iov = &text;
    message.msg_iovlen = 1;
    message.msg_control = control.bytes.data();
    message.msg_controllen = control_size;
    return message;
}

void put(const std::vector<int>& files, msghdr& message) {
    auto* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(files.size() * sizeof(int));
    std::memcpy(CMSG_DATA(header), files.data(), files.size() * sizeof(int));
}

void take(msghdr& message, std::vector<UniqueFd>& files) {
    for (auto* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
        std::array<int, line_files_max> numbers{};
        const auto count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        std::memcpy(numbers.data(), CMSG_DATA(header), count * sizeof(int));
        for (std::size_t i = 0; i < count; ++i) files.emplace_back(numbers[i]);
    }
}

}  // namespace

bool send_line(int socket, const std::string& line, const std::vector<int>& files) {
    if (files.size() > line_files_max) return false;
    std::string_view rest = line;
    bool sent_files = files.empty();
    while (!rest.empty()) {
        iovec text{const_cast<char*>(rest.data()), rest.size()};
        Control control{};
        auto message = message_of(text, control, sent_files ? 0 : CMSG_SPACE(files.size() * sizeof(int)));
        if (!sent_files) put(files, message);
        const auto size = ::sendmsg(socket, &message, MSG_NOSIGNAL);
        if (size < 0 && errno == EINTR) continue;
        if (size < 0) return false;
        sent_files = true;
        rest.remove_prefix(static_cast<std::size_t>(size));
    }
    return true;
}

bool receive_some(int socket, std::string& received, std::vector<UniqueFd>& files) {
    std::array<char, 4'096> buffer{};
    iovec text{buffer.data(), buffer.size()};
    Control control{};
    auto message = message_of(text, control, sizeof control.bytes);
    const auto size = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    if (size < 0 && errno == EINTR) return true;
    if (size <= 0) return false;
    take(message, files);
    received.append(buffer.data(), static_cast<std::size_t>(size));
    return true;
}

}  // namespace virtbus
