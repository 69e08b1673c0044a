// SPDX-License-Identifier: LGPL-2.1-or-later
// The SHA-256 of what passes by. Any thread, one at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

struct evp_md_ctx_st;

namespace virtbus {

class Sha256 {
public:
    Sha256();
    ~Sha256();
    Sha256(const Sha256&) = delete;
    Sha256& operator=(const Sha256&) = delete;

    /// Adds `data`, and then `zeros` bytes of 0.
    void add(std::span<const std::byte> data, std::uint64_t zeros = 0);
    /// 64 lower-case hexadecimal digits; nothing can be added after that.
    std::string hex();

private:
    evp_md_ctx_st* context_;
};

}  // namespace virtbus
