// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libvirt/sha256.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <new>

namespace virtbus {

Sha256::Sha256() : context_(EVP_MD_CTX_new()) {
    if (context_ == nullptr || EVP_DigestInit_ex(context_, EVP_sha256(), nullptr) != 1) throw std::bad_alloc();
}

Sha256::~Sha256() { EVP_MD_CTX_free(context_); }

void Sha256::add(std::span<const std::byte> data, std::uint64_t zeros) {
    static const std::array<std::byte, 65'536> block{};
    EVP_DigestUpdate(context_, data.data(), data.size());
    for (; zeros > 0; zeros -= std::min<std::uint64_t>(zeros, block.size()))
        EVP_DigestUpdate(context_, block.data(), std::min<std::uint64_t>(zeros, block.size()));
}

std::string Sha256::hex() {
    std::array<unsigned char, 32> digest{};
    EVP_DigestFinal_ex(context_, digest.data(), nullptr);
    std::string text;
    for (const auto byte : digest) text += fmt::format("{:02x}", byte);
    return text;
}

}  // namespace virtbus
