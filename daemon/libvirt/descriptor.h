// SPDX-License-Identifier: LGPL-2.1-or-later
// A caller's descriptor, read or written in pieces, each of which is data or a hole. Nobody knows what is at its other
// end: it is never waited for without a limit, nor without hearing of a cancellation. Worker threads.
#pragma once

#include "base/unique_fd.h"
#include "model/transfer.h"

#include <cstddef>
#include <cstdint>
#include <span>

namespace virtbus {

class DescriptorSource {
public:
    DescriptorSource(const UniqueFd& fd, Transfer& transfer);

    struct Piece {
        std::uint64_t hole = 0;     ///< bytes of zeros, if not 0
        std::span<std::byte> data;  ///< else what was read; empty: the end
    };

    /// The next piece. Of a regular file from where it stood; of others, blocks of zeros are holes as well.
    Piece next(std::span<std::byte> buffer);

    /// How many bytes will come; 0: not known.
    [[nodiscard]] std::uint64_t expected() const { return end_ - position_; }

private:
    Piece next_of_file(std::span<std::byte> buffer);
    Piece next_of_stream(std::span<std::byte> buffer);

    int fd_;
    Transfer& transfer_;
    bool regular_ = false;
    std::uint64_t position_ = 0;
    std::uint64_t end_ = 0;
    std::uint64_t data_end_ = 0;  // where the next hole begins, as far as known: to look for it takes its time
};

class DescriptorTarget {
public:
    DescriptorTarget(const UniqueFd& fd, Transfer& transfer);

    void write(std::span<const std::byte> data);
    void write_hole(std::uint64_t size);
    /// Makes a hole at the end count.
    void finish();

private:
    int fd_;
    Transfer& transfer_;
    bool regular_ = false;
    bool socket_ = false;
    bool sparse_ = false;  // what is skipped reads as zeros
    bool ends_in_hole_ = false;
};

}  // namespace virtbus
