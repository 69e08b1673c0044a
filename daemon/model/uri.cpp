// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/uri.h"

#include "base/utf8.h"

namespace virtbus {

std::string public_uri(std::string_view uri) {
    uri = uri.substr(0, uri.find_first_of("?#"));
    const auto scheme = uri.find("://");
    if (scheme == std::string_view::npos) return to_utf8(uri);
    const auto authority = scheme + 3;
    const auto path = uri.find('/', authority);
    const auto at = uri.substr(0, path).rfind('@');
    if (at == std::string_view::npos || at < authority) return to_utf8(uri);
    return to_utf8(std::string(uri.substr(0, authority)) + std::string(uri.substr(at + 1)));
}

bool is_local_uri(std::string_view uri) { return uri.find(":///") != std::string_view::npos; }

bool is_same_host(std::string_view name, std::string_view other) {
    return name.substr(0, name.find('.')) == other.substr(0, other.find('.'));
}

bool is_session_uri(std::string_view uri) { return uri.substr(0, uri.find('?')).ends_with("/session"); }

}  // namespace virtbus
