// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libvirt/base64.h"

#include <openssl/evp.h>

namespace virtbus {

namespace {

const unsigned char* bytes_of(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }
unsigned char* bytes_of(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

}  // namespace

std::string to_base64(std::string_view bytes) {
    std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');  // it ends it with a NUL
    const int size = ::EVP_EncodeBlock(bytes_of(text), bytes_of(bytes), static_cast<int>(bytes.size()));
    text.resize(static_cast<std::size_t>(size));
    return text;
}

std::optional<std::string> from_base64(std::string_view text) {
    std::string bytes(text.size() / 4 * 3 + 3, '\0');
    const int size = ::EVP_DecodeBlock(bytes_of(bytes), bytes_of(text), static_cast<int>(text.size()));
    const int padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;  // it counts that as bytes
    if (size < padding) return std::nullopt;
    bytes.resize(static_cast<std::size_t>(size - padding));
    // It passes over blanks and more: only what is encoded again as it was is right.
    if (to_base64(bytes) != text) return std::nullopt;
    return bytes;
}

}  // namespace virtbus
