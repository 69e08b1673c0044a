// SPDX-License-Identifier: LGPL-2.1-or-later
#include "bus/descriptor.h"

#include "model/error.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>

namespace virtbus::bus {

namespace {

bool is_stream_socket(int fd) {
    int type = 0;
    socklen_t size = sizeof(type);
    return ::getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_STREAM;
}

}  // namespace

std::shared_ptr<UniqueFd> take_descriptor(std::string_view key, sdbus::UnixFd descriptor, Access access) {
    auto owned = std::make_shared<UniqueFd>(descriptor.release());
    const int fd = owned->get();
    const auto refuse = [&](std::string_view why) { refuse_value(key, why); };
    struct stat status {};
    if (fd < 0 || ::fstat(fd, &status) != 0) refuse("not a descriptor");
    ::fcntl(fd, F_SETFD, FD_CLOEXEC);  // sdbus-c++ 1.2 does not
    if (!S_ISREG(status.st_mode) && !S_ISFIFO(status.st_mode) && !is_stream_socket(fd))
        refuse("must be a regular file, a pipe or a stream socket");
    const int flags = ::fcntl(fd, F_GETFL);
    const int unwanted = access == Access::reading ? O_WRONLY : O_RDONLY;
    if ((flags & O_PATH) != 0 || (flags & O_ACCMODE) == unwanted)
        refuse(access == Access::reading ? "is not open for reading" : "is not open for writing");
    return owned;
}

}  // namespace virtbus::bus
