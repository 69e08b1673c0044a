// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libvirt/descriptor.h"

#include "model/error.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstring>

namespace virtbus {

namespace {

/// How long a caller's pipe may stand still.
constexpr int stall_minutes = 10;

[[noreturn]] void fail(std::string_view act) {
    throw Error(Code::failed, fmt::format("Cannot {} the descriptor given: {}", act, std::strerror(errno)));
}

/// Waits until `fd` is ready for `events`.
void wait_for(int fd, short events, Transfer& transfer) {
    std::array<pollfd, 2> fds{{{fd, events, 0}, {transfer.cancel_fd(), POLLIN, 0}}};
    const int ready = ::poll(fds.data(), fds.size(), stall_minutes * 60'000);
    transfer.refuse_cancelled();
    if (ready < 0 && errno != EINTR) fail("wait for");
    if (ready == 0)
        throw Error(Code::timeout, fmt::format("the descriptor given has stood still for {} minutes", stall_minutes));
}

bool all_zero(std::span<const std::byte> data) {
    return data.front() == std::byte{0} && std::memcmp(data.data(), data.data() + 1, data.size() - 1) == 0;
}

const std::array<std::byte, 65'536> zeros{};

}  // namespace

DescriptorSource::DescriptorSource(const UniqueFd& fd, Transfer& transfer) : fd_(fd.get()), transfer_(transfer) {
    struct stat status {};
    if (::fstat(fd_, &status) != 0) fail("look at");
    regular_ = S_ISREG(status.st_mode);
    if (!regular_) return;
    const auto offset = ::lseek(fd_, 0, SEEK_CUR);
    if (offset < 0) fail("read");
    end_ = static_cast<std::uint64_t>(status.st_size);
    position_ = std::min(static_cast<std::uint64_t>(offset), end_);
}

DescriptorSource::Piece DescriptorSource::next(std::span<std::byte> buffer) {
    transfer_.refuse_cancelled();
    return regular_ ? next_of_file(buffer) : next_of_stream(buffer);
}

DescriptorSource::Piece DescriptorSource::next_of_file(std::span<std::byte> buffer) {
    if (position_ >= end_) return {};
    if (position_ >= data_end_) {
        const auto data = ::lseek(fd_, static_cast<off_t>(position_), SEEK_DATA);
        const auto begin = data < 0 ? (errno == ENXIO ? end_ : position_) : static_cast<std::uint64_t>(data);
        if (begin > position_) {
            const auto hole = std::min(begin, end_) - position_;
            position_ += hole;
            return {hole, {}};
        }
        const auto hole = ::lseek(fd_, static_cast<off_t>(position_), SEEK_HOLE);
        data_end_ = hole < 0 ? end_ : std::min(static_cast<std::uint64_t>(hole), end_);
    }
    const auto size = std::min<std::uint64_t>(buffer.size(), data_end_ - position_);
    const auto length = ::pread(fd_, buffer.data(), size, static_cast<off_t>(position_));
    if (length < 0) fail("read");
    if (length == 0) return {};  // it was made shorter meanwhile: what came is told by its size
    position_ += static_cast<std::uint64_t>(length);
    return {0, buffer.first(static_cast<std::size_t>(length))};
}

DescriptorSource::Piece DescriptorSource::next_of_stream(std::span<std::byte> buffer) {
    std::size_t filled = 0;
    while (filled < buffer.size()) {
        wait_for(fd_, POLLIN, transfer_);
        const auto length = ::read(fd_, buffer.data() + filled, buffer.size() - filled);
        if (length < 0 && (errno == EINTR || errno == EAGAIN)) continue;
        if (length < 0) fail("read");
        if (length == 0) break;
        filled += static_cast<std::size_t>(length);
    }
    const auto data = buffer.first(filled);
    if (!data.empty() && all_zero(data)) return {data.size(), {}};
    return {0, data};
}

DescriptorTarget::DescriptorTarget(const UniqueFd& fd, Transfer& transfer) : fd_(fd.get()), transfer_(transfer) {
    struct stat status {};
    if (::fstat(fd_, &status) != 0) fail("look at");
    regular_ = S_ISREG(status.st_mode);
    socket_ = S_ISSOCK(status.st_mode);
    const auto offset = ::lseek(fd_, 0, SEEK_CUR);
    const bool appends = (::fcntl(fd_, F_GETFL) & O_APPEND) != 0;
    sparse_ = regular_ && !appends && offset >= status.st_size;  // else old content would show through
}

void DescriptorTarget::write(std::span<const std::byte> data) {
    while (!data.empty()) {
        transfer_.refuse_cancelled();
        if (!regular_) wait_for(fd_, POLLOUT, transfer_);
        // A pipe that is ready takes PIPE_BUF without blocking, and no more for sure.
        const auto length =
            socket_ ? ::send(fd_, data.data(), data.size(), MSG_DONTWAIT | MSG_NOSIGNAL)
                    : ::write(fd_, data.data(), regular_ ? data.size() : std::min<std::size_t>(data.size(), PIPE_BUF));
        if (length < 0 && (errno == EINTR || errno == EAGAIN)) continue;
        if (length < 0) fail("write to");
        data = data.subspan(static_cast<std::size_t>(length));
        ends_in_hole_ = false;
    }
}

void DescriptorTarget::write_hole(std::uint64_t size) {
    if (sparse_) {
        if (::lseek(fd_, static_cast<off_t>(size), SEEK_CUR) < 0) fail("write to");
        ends_in_hole_ = true;
        return;
    }
    for (; size > 0;) {
        const auto part = std::min<std::uint64_t>(size, zeros.size());
        write(std::span(zeros).first(part));
        size -= part;
    }
}

void DescriptorTarget::finish() {
    if (!ends_in_hole_) return;
    if (::ftruncate(fd_, ::lseek(fd_, 0, SEEK_CUR)) != 0) fail("write to");
}

}  // namespace virtbus
